/** The hubs that this instance serves, as far as the membership needs them. */
export interface HubDirectory {
  /** How many connections all hubs have here. */
  readonly connections: number;
  connectionIds(): string[];
  /** The hubs that hear their channels. */
  listening(): string[];
  /** This instance has one more id. Resolves when all hubs hear of it. */
  listenAs(instanceId: string): Promise<void>;
  /** This instance has given up a former id. */
  silenceAs(instanceId: string): void;
}
