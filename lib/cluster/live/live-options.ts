export interface LiveOptions {
  /** See `RedisBackplaneOptions`. 0: nothing is numbered, kept or asked for. */
  readonly windowMs: number;
  readonly windowBytes: number;
}

export const DEFAULT_LIVE: LiveOptions = Object.freeze({
  windowMs: 10_000,
  windowBytes: 32 * 1024 * 1024,
});

/**
 * Noticing and returning take time: messages that are older than the window by so much are not sent
 * any more.
 */
export const AGE_MARGIN_MS = 15_000;
/** A sender keeps messages for so long beyond the window. */
export const LIST_MARGIN_MS = 20_000;
