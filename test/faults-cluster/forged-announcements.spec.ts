import { expect, it } from '@jest/globals';
import { newInstanceId } from '../../lib/cluster/wire/instance-id.js';
import { encodeControl, EnvelopeKind } from '../../lib/cluster/wire/envelope.js';
import { encodeControlPayload } from '../../lib/cluster/wire/control-payload.js';
import { Instance, ownKey } from '../faults/fixtures/instance.js';
import { heapUsed } from '../integration/fixtures/heap.js';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';

const LEASE = { ttlMs: 10_000, renewEveryMs: 3_000 };

describeWithRedis('A forged announcement', () => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async (lease = LEASE) => {
    const redis = track(await RedisServer.start());
    const eventKeys = ownKey();
    const log = new LogCapture();
    const bootOne = async () =>
      track(await Instance.boot({ redis: redis.url, eventKeys, lease }, log));
    const [a, b] = [await bootOne(), await bootOne()];
    await Promise.all([a.backplane.ready(), b.backplane.ready()]);
    track(await a.connect());
    const far = track(await b.connect());
    expect([await a.server.count(), await b.server.count()]).toEqual([2, 2]);
    const events: string[] = [];
    a.backplane.on('instanceJoined', ({ id }) => events.push(`+${id}`));
    a.backplane.on('instanceLeft', ({ id }, how) => events.push(`-${id} ${how}`));
    const operator = redis.client();
    const name = (rest: string) => `{${eventKeys[0]}}:${rest}`;
    const forge = (origin: string, fields: Record<string, unknown>) =>
      encodeControl({
        kind: EnvelopeKind.announcement,
        origin,
        sequence: 0,
        payload: encodeControlPayload(fields),
      });
    const announce = async (origin: string, fields: Record<string, unknown>) => {
      await operator.publish(name('cluster'), forge(origin, fields));
      // Behind it, on the same connection.
      await b.server.to('nobody').publish('behind');
    };
    /** Resolves when A has taken in what was published before. */
    const heard = async () => {
      const { received } = a.backplane.stats();
      await b.server.publish('behind');
      await waitFor('what is behind', () => a.backplane.stats().received > received);
    };
    const [idOfA, idOfB] = [a.backplane.instanceId, b.backplane.instanceId];
    const connectionOfB = [...b.server.clients][0]!.id;
    return {
      redis,
      operator,
      log,
      a,
      b,
      far,
      events,
      name,
      forge,
      announce,
      heard,
      idOfA,
      idOfB,
      connectionOfB,
    };
  };

  const record = (rest: Record<string, unknown> = {}) =>
    JSON.stringify({
      host: 'h',
      pid: 1,
      startedAt: 1,
      connections: 1,
      hubs: ['/chat'],
      listens: ['/chat'],
      former: [],
      ...rest,
    });

  /** The next look at the leases that an announcement causes. */
  const looked = (a: Instance) => a.backplane.instances();

  it('of a goodbye hides nobody who holds a lease', async () => {
    const { a, announce, heard, idOfB, events, connectionOfB } = await boot();
    await announce(idOfB, { left: true });
    await heard();
    expect(await a.server.count()).toBe(2);
    expect((await a.backplane.instances()).map(({ id }) => id)).toContain(idOfB);
    expect(events).toEqual([`-${idOfB} left`, `+${idOfB}`]);
    const [socket] = await a.server.toConnection(connectionOfB).fetchSockets();
    expect(socket!.id).toBe(connectionOfB);
  });

  it('of a goodbye to who is asked alone is made good by a look', async () => {
    const { a, announce, heard, idOfB, connectionOfB } = await boot();
    await announce(idOfB, { left: true });
    await heard();
    expect(await a.server.toConnection(connectionOfB).fetchSockets()).toHaveLength(1);
  });

  it('of its own goodbye does not concern an instance', async () => {
    const { a, announce, heard, idOfA, events } = await boot();
    await announce(idOfA, { left: true });
    await heard();
    expect(await a.server.count()).toBe(2);
    expect([a.backplane.instanceId, events]).toEqual([idOfA, []]);
  });

  it('of a newcomer without a lease adds nobody', async () => {
    const { log, a, announce, heard, events } = await boot();
    const forged = newInstanceId();
    for (const fields of [{ value: record() }, { alive: record() }, { alive: record() }])
      await announce(forged, fields);
    await heard();
    await looked(a);
    expect(await a.server.countByInstance()).toMatchObject({ total: 2, missing: [] });
    expect(await a.backplane.instances()).toHaveLength(2);
    expect(await a.server.serverSideRequest('e')).toMatchObject({
      missing: [{ reason: 'NO_HANDLER' }],
    });
    const connectionId = `${forged}.1`;
    expect(await a.server.toConnection(connectionId).emitWithAck('q')).toEqual({
      answers: [],
      missing: [{ connectionId, reason: 'NO_SUCH_CONNECTION' }],
    });
    expect(events).toEqual([]);
    expect(log.matching('has no lease in Redis').length).toBeGreaterThan(0);
  });

  it.each([
    ['value', 'an announcement'],
    ['alive', 'a sign of life'],
  ])('in the name of another ("%s") takes no hub from it', async (field) => {
    const { a, announce, heard, idOfB, events } = await boot();
    await announce(idOfB, { [field]: record({ hubs: [], listens: [] }) });
    await heard();
    expect(await a.server.count()).toBe(2);
    expect(events).toEqual([]);
  });

  it.each(['announced', 'with a lease'])(
    'of a former id buries nobody who holds a lease under it (%s)',
    async (how) => {
      const { operator, a, announce, heard, name, idOfB, events, connectionOfB } = await boot();
      const forged = newInstanceId();
      const value = record({ former: [idOfB], hubs: [] });
      if (how === 'with a lease') {
        await operator.zadd(name('leases'), Date.now() + LEASE.ttlMs, forged);
        await operator.hset(name('leases:values'), forged, value);
      }
      for (const fields of [{ value }, { alive: value }]) await announce(forged, fields);
      await heard();
      await looked(a);
      expect(await a.server.count()).toBe(2);
      expect(events.filter((line) => line.startsWith('-'))).toEqual([]);
      expect(await a.server.toConnection(connectionOfB).fetchSockets()).toHaveLength(1);
    },
  );

  it.each([
    ['a number that is none', { connections: 'many' }],
    ['a negative one', { connections: -1 }],
    ['one that JSON makes null', { pid: null }],
    ['one beyond all counting', { startedAt: 1e300 }],
    ['a host of a megabyte', { host: 'h'.repeat(1024 * 1024) }],
    ['hubs that are no names', { hubs: [1] }],
    ['former ids that are none', { former: ['\n\u001b[31m'] }],
    ['the wrong kind of everything', { host: 1, hubs: {}, listens: 'x', former: null }],
  ])('of a lease with %s is no record', async (_, rest) => {
    const { operator, a, name, announce, heard } = await boot();
    const forged = newInstanceId();
    await operator.zadd(name('leases'), Date.now() + LEASE.ttlMs, forged);
    await operator.hset(name('leases:values'), forged, record(rest));
    await announce(forged, { value: record(rest) });
    await heard();
    expect(await a.backplane.instances()).toHaveLength(2);
    expect(await a.server.countByInstance()).toMatchObject({ total: 2, missing: [] });
    expect(a.backplane.stats().malformed).toBe(1);
  });

  it('of an id that is none reaches no log and no list', async () => {
    const { operator, log, a, name, announce, heard } = await boot();
    const forged = '\n\u001b[31m0123456789';
    await operator.zadd(name('leases'), Date.now() + LEASE.ttlMs, forged);
    await operator.hset(name('leases:values'), forged, record());
    await announce(forged.padEnd(16, 'x').slice(0, 16), { alive: record() });
    await heard();
    expect(await a.backplane.instances()).toHaveLength(2);
    expect(log.lines.join()).not.toContain('\u001b[31m');
  });

  it('of another instance, a thousand times and more, costs bounded memory', async () => {
    const { operator, a, b, name, forge, heard, idOfB } = await boot();
    const flood = async (count: number) => {
      for (let from = 0; from < count; from += 500) {
        const pipeline = operator.pipeline();
        for (let i = 0; i < 500; i++) {
          const id = newInstanceId();
          const fields = [{ left: true }, { value: record() }, { alive: record() }][i % 3]!;
          pipeline.publish(name('cluster'), forge(id, fields));
        }
        await pipeline.exec();
      }
      await heard();
    };
    await flood(10_000);
    const before = heapUsed();
    await flood(10_000);
    await flood(10_000);
    expect(heapUsed() - before).toBeLessThan(4 * 1024 * 1024);
    expect(await a.server.count()).toBe(2);
    expect((await a.backplane.instances()).map(({ id }) => id)).toEqual([
      a.backplane.instanceId,
      idOfB,
    ]);
    expect([a.backplane.status, b.backplane.status]).toEqual(['ready', 'ready']);
  }, 60_000);

  it('costs bounded memory, too, while no leases are kept', async () => {
    const { operator, a, name, forge, heard } = await boot({ ttlMs: 1_000, renewEveryMs: 300 });
    await operator.config('SET', 'min-replicas-to-write', '1');
    await waitFor('the refusal', async () => (await a.backplane.instances()).stale === true);
    const huge = record({ hubs: ['x'.repeat(20_000)] });
    for (let from = 0; from < 10_000; from += 500) {
      const pipeline = operator.pipeline();
      for (let i = 0; i < 500; i++)
        pipeline.publish(
          name('cluster'),
          forge(newInstanceId(), { alive: i % 50 === 0 ? huge : record({ hubs: [] }) }),
        );
      await pipeline.exec();
    }
    await heard();
    const listed = await a.backplane.instances();
    expect(listed.length).toBeLessThanOrEqual(2 + 1_024);
    expect(await a.server.countByInstance()).toMatchObject({ total: 2, missing: [] });
    await operator.config('SET', 'min-replicas-to-write', '0');
    await waitFor(
      'them to be gone',
      async () => (await a.backplane.instances()).length === 2,
      20_000,
    );
  }, 60_000);

  it('of a message of its own through Redis proves no link', async () => {
    const { operator, a, name, idOfA } = await boot();
    const probe = `${name('probe::')}${idOfA}`;
    const forgeProbes = async () => {
      const pipeline = operator.pipeline();
      for (let sequence = 0; sequence < 100; sequence++) {
        const kind = EnvelopeKind.probe;
        pipeline.publish(
          probe,
          encodeControl({ kind, origin: idOfA, sequence, payload: Buffer.alloc(0) }),
        );
      }
      await pipeline.exec();
    };
    await forgeProbes();
    const age = a.backplane.stats().probeAgeMs!;
    await forgeProbes();
    expect(a.backplane.stats().probeAgeMs!).toBeGreaterThanOrEqual(age);
    expect(a.backplane.status).toBe('ready');
  });
});
