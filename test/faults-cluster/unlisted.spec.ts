import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Instance, ownKey } from '../faults/fixtures/instance.js';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';

describeWithRedis('An instance that is in no list', () => {
  guardProcess();
  const track = closeAfterEach();

  /** Two instances that do not look after their leases while a test runs. */
  const boot = async () => {
    const redis = track(await RedisServer.start());
    const eventKeys = ownKey();
    const lease = { ttlMs: 240_000, renewEveryMs: 60_000 };
    const options = { redis: redis.url, eventKeys, lease };
    const a = track(await Instance.boot(options as never));
    const b = track(await Instance.boot(options as never));
    await Promise.all([a.backplane.ready(), b.backplane.ready()]);
    track(await a.connect());
    const client = track(await b.connect());
    expect(await a.server.count()).toBe(2);
    const leases = `{${eventKeys[0]}}:leases`;
    return { redis, a, b, client, leases, id: b.backplane.instanceId };
  };

  it('as its lease has lapsed, answers what it hears', async () => {
    const { redis, a, client, leases, id } = await boot();
    expect(await redis.cli('zrem', leases, id)).toBe(1);
    expect(await a.server.count()).toBe(2);
    const sockets = await a.server.fetchSockets();
    expect([sockets.length, sockets.missing]).toEqual([2, []]);
    expect(await a.server.socketsJoin('r')).toMatchObject({ connections: 2, missing: [] });
    const asked = a.server.to('r').except('none').timeout(300).emitWithAck('q');
    const question = (await client.take('q', (f) => (f as any).event === 'q')) as any;
    client.send(JSON.stringify({ id: question.id, data: 'here' }));
    expect((await asked).answers).toMatchObject([{ data: 'here' }]);
  }, 60_000);

  it('as one with its hub, answers what it hears', async () => {
    const { redis, a, leases, id } = await boot();
    const values = `${leases}:values`;
    const record = JSON.parse(String(await redis.cli('hget', values, id)));
    await redis.cli('hset', values, id, JSON.stringify({ ...record, hubs: [] }));
    expect((await a.server.countByInstance()).total).toBe(2);
  }, 60_000);

  it('is told from one who hears and never answers: that is named once', async () => {
    const { redis, a, leases, id } = await boot();
    await redis.cli('zrem', leases, id);
    // It hears all channels, and Redis counts it.
    const watcher = new Redis(redis.url);
    track({ dispose: async () => void (await watcher.quit()) });
    await watcher.psubscribe('*');
    const named = await a.server.countByInstance();
    expect(named).toMatchObject({
      total: 2,
      missing: [{ instanceId: '*', reason: 'UNKNOWN_INSTANCE' }],
    });
    expect((await a.server.countByInstance()).missing).toEqual([]);
    expect(await a.server.count()).toBe(2);
  }, 60_000);
});
