import { rmSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { RedisBackplaneModuleOptions } from 'nestjs-redis-backplane';
import { Instance, ownKey } from '../faults/fixtures/instance.js';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import type { WsClient } from '../support/ws-client.js';

const LEASE = { ttlMs: 2_000, renewEveryMs: 500 };
/** Of a form that an instance gives out; of none that there is. */
const NOBODYS = `${'x'.repeat(16)}.1`;
const WITHIN_MS = 20_000;

interface Trouble {
  /** Of Redis's words. */
  readonly words: RegExp;
  readonly begin: (operator: Redis) => Promise<unknown>;
  readonly end: (operator: Redis) => Promise<unknown>;
}

const set = (name: string, value: string) => (operator: Redis) =>
  operator.config('SET', name, value);
const acl =
  (...rules: string[]) =>
  (operator: Redis) =>
    operator.call('ACL', 'SETUSER', 'default', ...rules);

/** Redis would save, and cannot: its directory is gone. */
async function failToSave(operator: Redis): Promise<void> {
  await operator.config('SET', 'save', '3600 1');
  const [, directory] = await operator.config('GET', 'dir');
  rmSync(directory!, { recursive: true });
  await operator.call('BGSAVE');
  await waitFor('the failure', async () =>
    (await operator.info('persistence')).includes('rdb_last_bgsave_status:err'),
  );
}

const TROUBLES: Record<string, Trouble> = {
  'is out of memory': {
    words: /OOM command not allowed/,
    begin: set('maxmemory', '1'),
    end: set('maxmemory', '0'),
  },
  'cannot save': {
    words: /MISCONF Redis is configured to save RDB snapshots/,
    begin: failToSave,
    end: set('stop-writes-on-bgsave-error', 'no'),
  },
  'has too few replicas': {
    words: /NOREPLICAS Not enough good replicas/,
    begin: set('min-replicas-to-write', '1'),
    end: set('min-replicas-to-write', '0'),
  },
  'forbids to write leases': {
    words: /can't run this command.*zadd/i,
    begin: acl('-zadd'),
    end: acl('+zadd'),
  },
  'forbids to write their values': {
    words: /can't run this command.*hset/i,
    begin: acl('-hset'),
    end: acl('+hset'),
  },
  'forbids their keys': {
    words: /can't access at least one of the keys|NOPERM/,
    begin: acl('resetkeys', '~nothing'),
    end: acl('allkeys'),
  },
  'forbids scripts': {
    words: /NOPERM.*eval/,
    begin: acl('-eval', '-evalsha'),
    end: acl('+eval', '+evalsha'),
  },
  'has something else in the place of the leases': {
    words: /WRONGTYPE/,
    begin: async (operator) => {
      const [key] = await operator.keys('*:leases');
      await operator.set(key!, 'a string');
    },
    end: async (operator) => operator.del(...(await operator.keys('*:leases'))),
  },
};

describeWithRedis('A Redis that', () => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async () => {
    const redis = track(await RedisServer.start());
    const options: RedisBackplaneModuleOptions = {
      redis: redis.url,
      eventKeys: ownKey(),
      lease: LEASE,
    };
    const log = new LogCapture();
    const bootOne = async () => track(await Instance.boot(options as never, log));
    const [a, b] = [await bootOne(), await bootOne()];
    b.server.onServerEvent('ping', () => 'pong');
    await Promise.all([a.backplane.ready(), b.backplane.ready()]);
    const near = track(await a.connect('r'));
    const far = track(await b.connect('r'));
    for (const client of [near, far]) answers(client);
    const events: string[] = [];
    for (const [name, { backplane }] of [
      ['a', a],
      ['b', b],
    ] as const) {
      backplane.on('instanceJoined', () => events.push(`${name} +`));
      backplane.on('instanceLeft', (_, how) => events.push(`${name} - ${how}`));
    }
    // Each has what the other serves.
    expect([await a.server.count(), await b.server.count()]).toEqual([2, 2]);
    const ids = () => [a.backplane.instanceId, b.backplane.instanceId];
    return { redis, operator: redis.client(), log, bootOne, a, b, far, events, ids, before: ids() };
  };

  /** As far as the client is asked "q". */
  const answers = (client: WsClient) =>
    client.socket.on('message', (data: Buffer) => {
      const { event, id } = JSON.parse(data.toString()) as { event?: string; id?: unknown };
      if (event === 'q') client.send(JSON.stringify({ id, data: 'here' }));
    });

  const ageOf = ({ backplane }: Instance): number => backplane.stats().leaseAgeMs!;

  const whole = (a: Instance) =>
    waitFor(
      'all to be as before',
      async () => {
        const { total, missing, stale } = await a.server.countByInstance();
        return total === 2 && missing.length === 0 && stale === undefined;
      },
      WITHIN_MS,
    );

  it.each(Object.entries(TROUBLES))(
    '%s: the last known instances stand, and Redis is quoted',
    async (_, { words, begin, end }) => {
      const { operator, log, bootOne, a, b, far, events, ids, before } = await boot();
      await begin(operator);
      await waitFor(
        'the leases to lapse',
        () => [a, b].every((one) => ageOf(one) > LEASE.ttlMs),
        WITHIN_MS,
      );
      expect(await Promise.all([a.server.count(), b.server.count()])).toEqual([2, 2]);
      const fetched = await a.server.fetchSockets();
      expect([fetched.length, fetched.missing, fetched.stale]).toEqual([2, [], true]);
      const asked = await a.server.emitWithAck('q');
      expect(asked).toMatchObject({ answers: [{ data: 'here' }, { data: 'here' }], missing: [] });
      expect(asked.stale).toBe(true);
      expect(await a.server.serverSideRequest('ping')).toEqual({
        answers: [{ instanceId: b.backplane.instanceId, data: 'pong' }],
        missing: [],
        stale: true,
      });
      expect(await a.server.socketsJoin('all')).toEqual({
        connections: 2,
        missing: [],
        stale: true,
      });
      expect(await a.server.toConnection(NOBODYS).emitWithAck('q')).toEqual({
        answers: [],
        missing: [{ connectionId: NOBODYS, reason: 'BACKPLANE_UNAVAILABLE' }],
        stale: true,
      });
      await expect(a.server.toConnection(NOBODYS).count()).rejects.toMatchObject({
        code: 'BACKPLANE_UNAVAILABLE',
      });
      const listed = await a.backplane.instances();
      expect([listed.map(({ id }) => id), listed.stale]).toEqual([before, true]);
      expect(events).toEqual([]);

      // One that comes now is known by its word, and knows that it knows nothing.
      const c = await bootOne();
      await expect(c.server.count()).rejects.toThrow(words);
      await waitFor(
        'the newcomer',
        async () => (await a.backplane.instances()).length === 3,
        WITHIN_MS,
      );
      const client = track(await c.connect('late'));
      await a.server.to('late').publish('hello');
      await client.nextEvent('hello');
      await client.close();
      await c.dispose();
      await waitFor(
        'its goodbye',
        () => events.filter((line) => line.includes('left')).length === 2,
      );

      await waitFor('three ttls', () => ageOf(a) > 3 * LEASE.ttlMs, WITHIN_MS);
      await expect(a.server.count()).rejects.toThrow(words);
      await expect(a.server.count()).rejects.toMatchObject({ code: 'BACKPLANE_UNAVAILABLE' });
      expect(await a.server.countByInstance()).toMatchObject({
        total: 2,
        missing: [],
        stale: true,
      });
      expect(await a.server.local.count()).toBe(1);
      expect([a.statuses(), b.statuses()]).toEqual([['ready'], ['ready']]);

      await end(operator);
      await whole(a);
      await whole(b);
      expect(ids()).toEqual(before);
      expect(events.filter((line) => line.includes('lost'))).toEqual([]);
      // One each, and one of the newcomer.
      expect(log.matching(words).filter((line) => line.startsWith('WARN'))).toHaveLength(3);
      expect(log.matching('event loop')).toEqual([]);
      await waitFor('the return in the log', () => log.matching('is kept again').length === 2);
      const { connections, missing } = await a.server.disconnectSockets();
      expect([connections, missing]).toEqual([2, []]);
      await far.closed;
    },
    90_000,
  );

  it('is a replica for a while: nobody is lost, and each is back under its id', async () => {
    const { operator, log, a, b, events, ids, before } = await boot();
    await operator.call('REPLICAOF', '127.0.0.1', '1');
    await waitFor('the refusals', () => log.matching('lease: READONLY').length === 2, WITHIN_MS);
    await waitFor(
      'the leases to lapse',
      () => [a, b].every((one) => ageOf(one) > 3 * LEASE.ttlMs),
      WITHIN_MS,
    );
    await expect(a.server.count()).rejects.toMatchObject({ code: 'BACKPLANE_UNAVAILABLE' });
    // Whether there is a link or, as to a replica, none: the other is asked, or named.
    const { total, missing, stale } = await a.server.countByInstance();
    const away = { instanceId: b.backplane.instanceId, reason: 'BACKPLANE_UNAVAILABLE' };
    expect([
      [2, [], true],
      [1, [away], undefined],
    ]).toContainEqual([total, missing, stale]);
    expect(events).toEqual([]);
    await operator.call('REPLICAOF', 'NO', 'ONE');
    await whole(a);
    await whole(b);
    expect(ids()).toEqual(before);
    expect(events).toEqual([]);
    expect(log.matching('event loop')).toEqual([]);
  }, 90_000);
});
