/** The messages that wait to leave. */
export interface Waits {
  readonly messages: number;
  /**
   * How much they take in memory, by and large: their own bytes, and {@link OVERHEAD_BYTES} each.
   */
  readonly bytes: number;
}

/** The default limit for waiting messages. */
export const DEFAULT_BUFFER_BYTES = 64 * 1024 * 1024;

/**
 * How much a waiting message takes besides its own bytes, more or less: a promise, a closure, and
 * an entry of the queue.
 */
export const OVERHEAD_BYTES = 512;
