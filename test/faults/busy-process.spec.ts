import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BackplaneUnavailableError } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { nextTurn } from '../support/wait-for.js';
import { Instance, ownKey, reaches, report } from './fixtures/instance.js';

const LARGE_BYTES = 128 * 1_024;
const LARGE_MESSAGES = 768;
const SMALL_MESSAGES = 160_000;
/**
 * What of them may wait, and be under way: 64 MiB, of which each takes 512 bytes and more, and
 * 2,000.
 */
const MAX_WAITING = 64 * 2 ** 11 + 2_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * What the process holds on to, in MiB. Buffers are freed a moment after they were found to be
 * garbage.
 */
async function retainedMiB(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await delay(20);
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

describeWithRedis('A process that', () => {
  guardProcess();
  const track = closeAfterEach();

  it('has far more to send than a silent Redis takes: memory is bounded', async () => {
    const redis = track(await RedisServer.start());
    track({ dispose: () => redis.resume() });
    const options = { redis: redis.url, eventKeys: ownKey() };
    const a = track(await Instance.boot(options));
    const b = track(await Instance.boot(options, a.log));
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const far = track(await b.connect('traffic'));
    redis.pause();
    // 96 MiB of one instance, 160,000 small messages of the other.
    const before = await retainedMiB();
    const large = 'x'.repeat(LARGE_BYTES);
    const flood = Array.from({ length: LARGE_MESSAGES }, () =>
      a.server
        .to('elsewhere')
        .publish('flood', large)
        .catch((error: unknown) => error instanceof BackplaneUnavailableError),
    );
    const grown = (await retainedMiB()) - before;
    // What waits for Redis, and what is kept to be sent again.
    expect(grown).toBeLessThan(64 + 32 + 40);
    for (let i = 0; i < SMALL_MESSAGES; i++) b.server.to('elsewhere').emit('flood');
    await nextTurn();
    expect(b.backplane.stats().unsent).toBeGreaterThanOrEqual(SMALL_MESSAGES - MAX_WAITING);
    const grownBySmall = (await retainedMiB()) - before;
    expect(new Set(await Promise.all(flood))).toEqual(new Set([true]));
    report(
      `${grown.toFixed()} MiB held for 96 MiB of large messages, ` +
        `${(grownBySmall - grown).toFixed()} MiB for ${SMALL_MESSAGES} small ones`,
    );
    redis.resume();
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    await reaches(a, 'traffic', far);
  }, 180_000);

  it('stands still itself: it does not blame Redis', async () => {
    const redis = track(await RedisServer.start());
    const a = track(
      await Instance.boot({ redis: redis.url, eventKeys: ownKey(), commandTimeoutMs: 300 }),
    );
    await a.awaitStatus('ready');
    const client = track(await a.connect('room'));
    // At least one proof begins in this time, and each of its steps takes longer than all of it
    // may.
    const end = performance.now() + 5_000;
    while (performance.now() < end) {
      const until = performance.now() + 600;
      while (performance.now() < until);
      await nextTurn();
    }
    await reaches(a, 'room', client);
    expect(a.statuses()).toEqual(['ready']);
    expect(a.complaints).toEqual([]);
  }, 20_000);
});
