import { afterEach } from '@jest/globals';
import { withDeadline } from './deadline.js';

/** Whatever a test opens and must not leave open. Closing twice is fine. */
export interface Closable {
  dispose(): unknown;
}

const CLOSE_DEADLINE_MS = 30_000;

/**
 * Registers an `afterEach` that closes what the test tracked, the latest first, also when the
 * test failed. Call it once, at the top of a spec or a describe block.
 *
 * @example
 * const track = closeAfterEach();
 * const redis = track(await RedisServer.start());
 */
export function closeAfterEach(): <T extends Closable>(thing: T) => T {
  const open: Closable[] = [];

  afterEach(async () => {
    const errors: unknown[] = [];
    while (open.length > 0) {
      const thing = open.pop()!;
      try {
        await withDeadline(
          Promise.resolve(thing.dispose()),
          `${thing.constructor.name} to close`,
          CLOSE_DEADLINE_MS,
        );
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  }, 3 * CLOSE_DEADLINE_MS);

  return (thing) => {
    open.push(thing);
    return thing;
  };
}
