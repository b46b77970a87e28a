import { expect, it } from '@jest/globals';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches, report } from './fixtures/instance.js';

const ROOMS = 50_000;
/** Redis restarted, found again, and all rooms confirmed; generous for a busy machine. */
const RESTORED_MS = 10_000;
/** How long Redis may be busy with one command, and serve nobody else. */
const BUSY_MS = 500;

/** Redis notes how long each command took it. */
const SLOWLOG = ['--slowlog-log-slower-than', '0', '--slowlog-max-len', '2000'];

async function durationsMs(redis: RedisServer, command: string): Promise<number[]> {
  const entries = (await redis.cli('slowlog', 'get', '-1')) as [
    unknown,
    unknown,
    number,
    string[],
  ][];
  return entries
    .filter(([, , , [name]]) => name?.toLowerCase() === command)
    .map(([, , microseconds]) => microseconds / 1_000);
}

describeWithRedis(`${ROOMS.toLocaleString('en')} rooms on one instance`, () => {
  guardProcess();
  const track = closeAfterEach();

  it('are all subscribed again within seconds, and other clients of Redis notice nothing', async () => {
    const redis = track(await RedisServer.start({ args: SLOWLOG }));
    const [eventKey] = ownKey() as [string];
    const options = { limits: { rooms: false as const }, redis: redis.url, eventKeys: eventKey };
    const a = track(await Instance.boot(options));
    const b = track(await Instance.boot(options, a.log));
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const client = track(await a.connect());
    const rooms = Array.from({ length: ROOMS }, (_, i) => `room ${i}`);
    const joined = performance.now();
    for (let from = 0; from < ROOMS; from += 10_000) {
      await client.request('join', rooms.slice(from, from + 10_000));
    }
    report(`${ROOMS} rooms joined in ${(performance.now() - joined).toFixed()} ms`);
    const subscribed = async () =>
      ((await redis.cli('pubsub', 'channels', `{${eventKey}}:room:*`)) as string[]).length;
    await waitFor('all subscriptions', async () => (await subscribed()) === ROOMS, 20_000);
    await a.awaitStatus('ready');

    await redis.kill();
    await Promise.all([a.awaitStatus('degraded'), b.awaitStatus('degraded')]);
    // Somebody comes and goes meanwhile.
    expect(await client.request('leave', rooms.slice(0, 100))).toBe(100);
    expect(await client.request('join', ['another'])).toBe(1);
    await redis.restart();
    const started = performance.now();

    const ready = await a.awaitStatus('ready', 30_000);
    const restoredMs = ready - started;
    const known = await subscribed();
    const durations = await durationsMs(redis, 'subscribe');
    const busyMs = Math.max(...durations);
    report(
      `${ROOMS} rooms back ${restoredMs.toFixed()} ms after Redis was; it was busy for ${busyMs.toFixed(1)} ms at a time at most`,
    );
    // Of the rooms that were left, those that nobody came back to within their second are not asked
    // for again.
    expect(known).toBeGreaterThanOrEqual(ROOMS - 100 + 1);
    expect(restoredMs).toBeLessThan(RESTORED_MS);
    // In many small bites.
    expect(durations.length).toBeGreaterThan(ROOMS / 1_000);
    expect(busyMs).toBeLessThan(BUSY_MS);
    await waitFor('the left rooms to go', async () => (await subscribed()) === ROOMS - 100 + 1);

    await b.awaitStatus('ready');
    for (const room of ['room 100', 'room 25000', `room ${ROOMS - 1}`, 'another']) {
      await reaches(b, room, client);
    }
    await Promise.all([a.dispose(), b.dispose()]);
  }, 60_000);
});
