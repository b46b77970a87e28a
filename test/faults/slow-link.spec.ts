import { expect, it } from '@jest/globals';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { Instance, ownKey, reaches } from './fixtures/instance.js';

const COMMAND_TIMEOUT_MS = 1_500;
const ONE_WAY_MS = 100;
/** As many as take longer to be subscribed to than a command may. */
const ROOMS = 20_000;

describeWithRedis('A link to Redis that is slow, and nothing else', () => {
  guardProcess();
  const track = closeAfterEach();

  it('confirms each of very many joins before they resolve, and is not taken for a silent one', async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    const options = { eventKeys: ownKey(), commandTimeoutMs: COMMAND_TIMEOUT_MS };
    const a = track(
      await Instance.boot({ ...options, redis: { host: '127.0.0.1', port: proxy.port } }),
    );
    const b = track(await Instance.boot({ ...options, redis: redis.url }, a.log));
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const client = track(await a.connect());
    client.deadlineMs = 60_000;

    proxy.delay(ONE_WAY_MS);
    const rooms = Array.from({ length: ROOMS }, (_, i) => `room ${i}`);
    const began = performance.now();
    await client.request('join', rooms);
    expect(performance.now() - began).toBeGreaterThan(COMMAND_TIMEOUT_MS);
    await reaches(b, rooms.at(-1)!, client);
    expect(a.statuses()).toEqual(['ready']);
  }, 90_000);
});
