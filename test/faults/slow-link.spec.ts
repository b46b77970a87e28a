import { expect, it } from '@jest/globals';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { Instance, ownKey, reaches, report } from './fixtures/instance.js';

const COMMAND_TIMEOUT_MS = 1_500;
const ONE_WAY_MS = 100;
/** As many as take longer to be subscribed to than a command may. */
const ROOMS = 20_000;
const CHANNELS_A_COMMAND = 512;
const JOIN_EVERY_MS = 500;

describeWithRedis('A link to Redis that is slow, and nothing else', () => {
  guardProcess();
  const track = closeAfterEach();

  /** One instance behind a proxy, with a client that is in no room yet, and one beside it. */
  const boot = async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    const limits = { rooms: false } as const;
    const options = { eventKeys: ownKey(), commandTimeoutMs: COMMAND_TIMEOUT_MS, limits };
    const a = track(
      await Instance.boot({ ...options, redis: { host: '127.0.0.1', port: proxy.port } }),
    );
    const b = track(await Instance.boot({ ...options, redis: redis.url }, a.log));
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const client = track(await a.connect());
    client.deadlineMs = 60_000;
    return { redis, proxy, a, b, client };
  };

  it('confirms each of very many joins before they resolve, and is not taken for a silent one', async () => {
    const { proxy, a, b, client } = await boot();

    proxy.delay(ONE_WAY_MS);
    const rooms = Array.from({ length: ROOMS }, (_, i) => `room ${i}`);
    const began = performance.now();
    await client.request('join', rooms);
    expect(performance.now() - began).toBeGreaterThan(COMMAND_TIMEOUT_MS);
    await reaches(b, rooms.at(-1)!, client);
    expect(a.statuses()).toEqual(['ready']);
  }, 90_000);

  it('restores very many rooms once, also while clients go on joining', async () => {
    const { redis, proxy, a, b, client } = await boot();
    await client.request(
      'join',
      Array.from({ length: ROOMS }, (_, i) => `room ${i}`),
    );

    const asked = async (): Promise<number> =>
      Number(
        /cmdstat_subscribe:calls=(\d+)/.exec(String(await redis.cli('info', 'commandstats')))![1],
      );
    const [askedBefore, acceptedBefore] = [await asked(), proxy.accepted];
    proxy.delay(ONE_WAY_MS);
    proxy.cut();
    await a.awaitStatus('degraded');
    const began = performance.now();
    const joins: Promise<unknown>[] = [];
    const joining = setInterval(
      () => joins.push(client.request('join', [`late ${joins.length}`])),
      JOIN_EVERY_MS,
    );
    try {
      await a.awaitStatus('ready', 60_000);
    } finally {
      clearInterval(joining);
    }
    expect(performance.now() - began).toBeGreaterThan(COMMAND_TIMEOUT_MS);
    await Promise.all(joins);
    report(
      `${ROOMS} rooms restored over a slow link within ${(performance.now() - began).toFixed()} ms, with ${joins.length} joins meanwhile: ` +
        `${(await asked()) - askedBefore} SUBSCRIBEs, ${proxy.accepted - acceptedBefore} connections`,
    );
    // The two that were cut, and each room once.
    expect(proxy.accepted - acceptedBefore).toBe(2);
    expect((await asked()) - askedBefore).toBeLessThan(1.5 * (ROOMS / CHANNELS_A_COMMAND));
    await reaches(b, `room ${ROOMS - 1}`, client);
    await reaches(b, 'late 0', client);
  }, 120_000);
});
