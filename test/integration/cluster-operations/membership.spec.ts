import { expect, it } from '@jest/globals';
import { type Backplane, createBackplane, type InstanceInfo } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../../support/cleanup.js';
import { guardProcess } from '../../support/process-guard.js';
import { waitFor } from '../../support/wait-for.js';
import { describeOnEach, describeOnRedis } from '../fixtures/backends.js';
import { Cluster } from '../fixtures/cluster.js';
import { Instance } from '../fixtures/instance.js';

const sorted = (ids: readonly string[]) => ids.toSorted();

describeOnEach('The instances', (backend) => {
  guardProcess();
  const track = closeAfterEach();

  it('are listed with what is known of them, whoever asks', async () => {
    const { instances } = track(await Cluster.boot(backend, 3));
    const all = sorted(instances.map(({ backplane }) => backplane.instanceId));
    for (const { backplane } of instances) {
      const listed = await backplane.instances();
      expect(listed[0]!.id).toBe(backplane.instanceId);
      expect(sorted(listed.map(({ id }) => id))).toEqual(all);
      for (const { pid, host, startedAt, connections } of listed) {
        expect({ pid, host, connections }).toEqual({
          pid: process.pid,
          host: expect.any(String),
          connections: 0,
        });
        expect(Math.abs(startedAt - Date.now())).toBeLessThan(60_000);
      }
    }
  });

  it('are told at once of one that joins, and of one that leaves, a worker without a gateway too', async () => {
    const where = backend.options();
    const boot = async (): Promise<Backplane> => {
      const backplane = await createBackplane(where);
      track({ dispose: () => backplane.close() });
      return backplane;
    };
    const a = await boot();
    const seen: string[] = [];
    const off = a.on('instanceJoined', ({ id }) => seen.push(`+${id}`));
    a.on('instanceLeft', ({ id }, how) => seen.push(`-${id} ${how}`));
    a.on('instanceLeft', () => {
      throw new Error('on purpose');
    });
    const b = await boot();
    await waitFor('the arrival', () => seen.length === 1);
    await b.close();
    await waitFor('the departure', () => seen.length === 2);
    expect(seen).toEqual([`+${b.instanceId}`, `-${b.instanceId} left`]);
    expect((await a.instances()).map(({ id }) => id)).toEqual([a.instanceId]);
    off();
    expect(() => a.on('connection' as 'status', () => {})).toThrow(TypeError);
  });

  it('one that joins in the middle of requests is never an error', async () => {
    const where = backend.options();
    const first = track(await Instance.boot({ backplane: where }));
    track(await first.connect());
    const joining = { ended: false };
    const counts: number[] = [];
    const asking = (async () => {
      while (!joining.ended) {
        const { total, missing } = await first.server.countByInstance();
        expect(missing).toEqual([]);
        const { answers, missing: lacking } = await first.server.to('nobody').emitWithAck('q');
        expect([answers, lacking]).toEqual([[], []]);
        counts.push(total);
      }
    })();
    for (let i = 0; i < 3; i++) {
      const joined = track(await Instance.boot({ backplane: where }));
      track(await joined.connect());
    }
    joining.ended = true;
    await asking;
    expect(counts).toEqual(counts.toSorted((x, y) => x - y));
    expect(await first.server.count()).toBe(4);
  });

  it('one that stops while it is asked is taken out at once, and named', async () => {
    const { instances } = track(await Cluster.boot(backend, 2));
    const [a, b] = instances as [Instance, Instance];
    const mute = track(await b.connect());
    b.server.onServerEvent('slow', () => new Promise(() => {}));
    await b.backplane.ready();
    const asked = a.server.timeout(60_000).emitWithAck('q');
    const told = a.server.serverSideRequest('slow', undefined, { timeoutMs: 60_000 });
    await mute.ws.nextEvent('q');
    const { instanceId } = b.backplane;
    await b.dispose();
    expect(await asked).toEqual({
      answers: [],
      missing: [{ connectionId: mute.id, reason: 'CONNECTION_CLOSED' }],
    });
    expect(await told).toEqual({
      answers: [],
      missing: [{ instanceId, reason: 'INSTANCE_LEFT' }],
    });
    expect(a.backplane.stats()).toMatchObject({ openRequests: 0, openQuestions: 0 });
  });

  it('one that closes ends what it has asked, with what had come', async () => {
    const { instances } = track(await Cluster.boot(backend, 2));
    const [a, b] = instances as [Instance, Instance];
    b.server.onServerEvent('slow', () => new Promise(() => {}));
    await b.backplane.ready();
    const told = a.server.serverSideRequest('slow', undefined, { timeoutMs: 60_000 });
    await a.dispose();
    expect((await told).missing).toMatchObject([{ reason: 'BACKPLANE_CLOSED' }]);
    await expect(a.server.fetchSockets()).rejects.toMatchObject({ code: 'BACKPLANE_CLOSED' });
  });
});

describeOnRedis('An instance whose lease lapsed', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async (lease: { ttlMs: number; renewEveryMs: number }) => {
    const cluster = track(await Cluster.boot(redis, 2, { backplane: { lease } }));
    const [a, b] = cluster.instances as [Instance, Instance];
    const client = track(await b.connect());
    const seen: string[] = [];
    a.backplane.on('instanceJoined', ({ id }: InstanceInfo) => seen.push(`+${id}`));
    a.backplane.on('instanceLeft', ({ id }: InstanceInfo, how) => seen.push(`-${id} ${how}`));
    return { cluster, a, b, client, seen, key: `{${cluster.where.eventKeys[0]}}:leases` };
  };

  it('as the process stood still goes on under a new id, reachable under the old ids of its connections, and counted once', async () => {
    const { cluster, a, b, client, seen } = await boot({ ttlMs: 1_000, renewEveryMs: 300 });
    const former = b.backplane.instanceId;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    await waitFor('the new id', () => b.backplane.instanceId !== former);
    await waitFor('the news', () => seen.includes(`+${b.backplane.instanceId}`));
    expect(seen.filter((line) => line === `-${former} lost`)).toHaveLength(1);
    expect(await a.server.count()).toBe(1);
    expect((await a.backplane.instances()).map(({ id }) => id)).toEqual([
      a.backplane.instanceId,
      b.backplane.instanceId,
    ]);
    const [socket] = await a.server.fetchSockets();
    expect(socket).toMatchObject({ id: client.id, instanceId: b.backplane.instanceId });
    const asked = a.server.toConnection(client.id).emitWithAck('q');
    const { id } = (await client.ws.next()) as { id: string };
    client.ws.send(JSON.stringify({ id, data: 1 }));
    expect((await asked).answers).toEqual([{ connectionId: client.id, data: 1 }]);
    a.server.toConnection(client.id).emit('hello');
    await client.ws.nextEvent('hello');
    // When nobody needs the former id any more, its channels go; of the first, which live messages
    // are numbered under, none.
    const second = b.backplane.instanceId;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    await waitFor('the third id', () => b.backplane.instanceId !== second);
    await client.ws.close();
    await waitFor('the old channels to go', async () => {
      const channels = await redis.channels(cluster.where.eventKeys[0]!);
      expect(channels.filter((channel) => channel.includes(`direct::${former}`))).toHaveLength(1);
      return channels.every((channel) => !channel.includes(second));
    });
  });

  it('as Redis lost it claims it again under its id, and is back in the roll', async () => {
    const { a, b, seen, key } = await boot({ ttlMs: 1_000, renewEveryMs: 100 });
    const { instanceId } = b.backplane;
    expect(await redis.server.cli('zrem', key, instanceId)).toBe(1);
    await waitFor('the lease to be back', () => redis.server.cli('zscore', key, instanceId));
    await waitFor('the roll', async () => (await a.backplane.instances()).length === 2);
    expect(b.backplane.instanceId).toBe(instanceId);
    expect(await a.server.count()).toBe(1);
    expect([[], [`-${instanceId} lost`, `+${instanceId}`]]).toContainEqual(seen);
  });
});
