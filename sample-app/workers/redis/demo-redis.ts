/** The Redis of one run of the demo, whoever owns it. */
export interface DemoRedis {
  readonly source: 'given' | 'spawned' | 'embedded';
  readonly url: string;
  /** A line for the person in front of the demo. */
  readonly note: string;
  /** Ends what the demo started, and nothing else. */
  close(): Promise<void>;
}
