import { expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { Instance, ownKey } from '../faults/fixtures/instance.js';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { Node } from './fixtures/node.js';

const LEASE = { ttlMs: 2_000, renewEveryMs: 500 };
const WITHIN_MS = 20_000;

describeWithRedis('Leases that are lost', () => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    const eventKeys = ownKey();
    const log = new LogCapture();
    const bootOne = async (url: string) =>
      track(await Instance.boot({ redis: url, eventKeys, lease: LEASE }, log));
    const [a, b] = [await bootOne(redis.url), await bootOne(`redis://127.0.0.1:${proxy.port}`)];
    await Promise.all([a.backplane.ready(), b.backplane.ready()]);
    track(await a.connect());
    track(await b.connect());
    expect([await a.server.count(), await b.server.count()]).toEqual([2, 2]);
    const events: string[] = [];
    const note = (name: string, { backplane }: Pick<Instance, 'backplane'>) => {
      backplane.on('instanceJoined', () => events.push(`${name} +`));
      backplane.on('instanceLeft', (_, how) => events.push(`${name} - ${how}`));
    };
    note('a', a);
    note('b', b);
    const ids = () => [a.backplane.instanceId, b.backplane.instanceId];
    const key = `{${eventKeys[0]}}:leases`;
    return { redis, proxy, eventKeys, log, a, b, events, ids, before: ids(), key };
  };

  /** How long ago each has renewed its lease. */
  const ages = (...all: Instance[]) => all.map(({ backplane }) => backplane.stats().leaseAgeMs!);

  const whole = (one: Instance) =>
    waitFor(
      'the whole count',
      async () => {
        const { total, missing, stale } = await one.server.countByInstance();
        return total === 2 && missing.length === 0 && stale === undefined;
      },
      WITHIN_MS,
    );

  it.each<[string, (operator: Redis, key: string) => Promise<unknown>]>([
    ['FLUSHDB', (operator) => operator.flushdb()],
    ['FLUSHALL ASYNC', (operator) => operator.flushall('ASYNC')],
    [
      'an eviction of all keys',
      async (operator) => {
        await operator.config('SET', 'maxmemory-policy', 'allkeys-random');
        await operator.config('SET', 'maxmemory', '1');
        await waitFor('the eviction', async () => (await operator.dbsize()) === 0);
        await operator.config('SET', 'maxmemory', '0');
      },
    ],
    ['an eviction of the leases', (operator, key) => operator.del(key)],
    ['an eviction of their values', (operator, key) => operator.del(`${key}:values`)],
    ['an eviction of their times', (operator, key) => operator.del(`${key}:given`)],
  ])(
    'by %s are taken again under the same ids, and nobody is missing meanwhile',
    async (_, lose) => {
      const { redis, log, a, b, events, ids, before, key } = await boot();
      const operator = redis.client();
      await lose(operator, key);
      for (let i = 0; i < 10; i++) {
        const { total, missing } = await (i % 2 === 0 ? a : b).server.countByInstance();
        expect([total, missing]).toEqual([2, []]);
      }
      await Promise.all([whole(a), whole(b)]);
      await waitFor('the leases', async () => (await operator.zcard(key)) === 2);
      const since = performance.now();
      await waitFor('a ttl', () => performance.now() - since > LEASE.ttlMs + 200, WITHIN_MS);
      await Promise.all([whole(a), whole(b)]);
      expect(ids()).toEqual(before);
      expect(events).toEqual([]);
      expect(log.matching('event loop')).toEqual([]);
    },
  );

  it('with all of Redis are taken again under the same ids', async () => {
    const { redis, log, a, b, events, ids, before } = await boot();
    await redis.restart();
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    await Promise.all([whole(a), whole(b)]);
    expect(ids()).toEqual(before);
    expect(events).toEqual([]);
    expect(log.matching('event loop')).toEqual([]);
  });

  it('as Redis stood still are taken again under the same ids', async () => {
    const { redis, log, a, b, events, ids, before } = await boot();
    redis.pause();
    await waitFor(
      'them to lapse',
      () => ages(a, b).every((age) => age > 1.5 * LEASE.ttlMs),
      WITHIN_MS,
    );
    redis.resume();
    await Promise.all([whole(a), whole(b)]);
    expect(ids()).toEqual(before);
    expect(events).toEqual([]);
    expect(log.matching('event loop')).toEqual([]);
  });

  it('by one instance alone, cut off from Redis, are taken again under its id: it was lost, and has joined', async () => {
    const { proxy, log, a, b, events, ids, before } = await boot();
    proxy.refuse();
    proxy.cut();
    await waitFor('the loss', () => events.length > 0, WITHIN_MS);
    await proxy.acceptAgain();
    await b.awaitStatus('ready');
    await Promise.all([whole(a), whole(b)]);
    // It is counted as soon as it answers, whether or not it is in the list yet.
    await waitFor('it to be in the list', () => events.length > 1, WITHIN_MS);
    expect(ids()).toEqual(before);
    expect(events).toEqual(['a - lost', 'a +']);
    expect(log.matching('event loop')).toEqual([]);
  });

  it('hide an instance that died meanwhile for one full ttl: asked twice, then named at once, then lost', async () => {
    const { redis, eventKeys, log, a, b, events } = await boot();
    const victim = await Node.boot({ url: redis.url, eventKeys, lease: LEASE, log });
    const { instanceId } = victim.backplane;
    await waitFor('the victim', () => events.length === 2);
    events.length = 0;
    const operator = redis.client();
    await operator.config('SET', 'min-replicas-to-write', '1');
    await waitFor('the refusal', () => log.matching('NOREPLICAS').length === 3, WITHIN_MS);
    await victim.kill();
    const lacking = [{ instanceId, reason: 'REQUEST_TIMEOUT' }];
    const short = a.server.timeout(500);
    for (let i = 0; i < 2; i++) expect((await short.countByInstance()).missing).toEqual(lacking);
    // Not waited for again, for however long that would be.
    const patient = a.server.timeout(60_000);
    expect(await patient.to('nobody').emitWithAck('q')).toMatchObject({ missing: lacking });
    expect(await patient.countByInstance()).toMatchObject({
      total: 2,
      missing: lacking,
      stale: true,
    });
    await operator.config('SET', 'min-replicas-to-write', '0');
    await waitFor(
      'the leases',
      async () => (await a.backplane.instances()).stale === undefined,
      WITHIN_MS,
    );
    const back = performance.now();
    expect(await patient.countByInstance()).toMatchObject({ total: 2, missing: lacking });
    await waitFor('the loss', () => events.length === 2, WITHIN_MS);
    // From the renewal on, which was before it was seen.
    expect(performance.now() - back).toBeGreaterThan(LEASE.ttlMs - LEASE.renewEveryMs);
    expect(events.toSorted()).toEqual(['a - lost', 'b - lost']);
    await Promise.all([whole(a), whole(b)]);
  });
});
