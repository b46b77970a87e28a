import { describe } from '@jest/globals';
import { realProcess } from './real-process.js';
import { findRedisServer, HOW_TO_INSTALL } from './redis-process.js';

export { findRedisServer, RedisServer, type RedisServerOptions } from './redis-process.js';

let hasWarned = false;

/**
 * A `describe` for what only a real Redis can show. Without a server on PATH the block is
 * skipped, and the file says so once, loudly.
 */
export function describeWithRedis(name: string, fn: () => void): void {
  if (findRedisServer()) {
    describe(name, fn);
    return;
  }
  if (!hasWarned) {
    hasWarned = true;
    realProcess.stderr.write(
      `\n!!! SKIPPED: no redis-server on PATH, so the tests that need a real one did not run ` +
        `("${name}" and its like).\n!!! ${HOW_TO_INSTALL}\n\n`,
    );
  }
  describe.skip(name, fn);
}
