/** What waits to leave. */
export interface Waits {
  readonly messages: number;
  /** What they take in memory, by and large: their own bytes, and {@link OVERHEAD_BYTES} each. */
  readonly bytes: number;
}

/** What may wait, where nothing else is said. */
export const DEFAULT_BUFFER_BYTES = 64 * 1024 * 1024;

/** What a message that waits takes besides its own bytes, more or less: a promise, a closure, and a place in the queue. */
export const OVERHEAD_BYTES = 512;
