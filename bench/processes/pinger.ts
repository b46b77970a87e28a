/** The process of a bystander: how long does Redis let others wait? */
import { Redis } from 'ioredis';

import { Latencies } from '../common/latencies.js';
import { serveRunner } from './rpc.js';

/**
 * A PING leaves that often, whether or not the one before was answered: none hides behind another
 * that waits.
 */
const EVERY_MS = 2;
const WARM_UP = 500;

/** Since the start, or the last `take`. */
const all = new Latencies();
/** Since the last `take` or `mark`. */
const latest = new Latencies();
let redis: Redis;
let timer: NodeJS.Timeout;

serveRunner({
  start: async (address: { host: string; port: number }) => {
    redis = new Redis({ ...address, lazyConnect: true });
    await redis.connect();
    // Not what the first ones cost.
    for (let i = 0; i < WARM_UP; i++) await redis.ping();
    timer = setInterval(() => {
      const askedAt = performance.now();
      void redis.ping().then(() => {
        all.add(askedAt);
        latest.add(askedAt);
      });
    }, EVERY_MS);
  },
  take: async () => {
    await answered();
    latest.take();
    return all.take();
  },
  /** What came since the last `take`; what comes from now on is told apart. */
  mark: async () => {
    await answered();
    return latest.take();
  },
  stop: async () => {
    clearInterval(timer);
    await redis.quit();
    return { all: all.take(), latest: latest.take() };
  },
});

/** Those that are under way belong to what was before. */
async function answered(): Promise<void> {
  await redis.ping();
}
