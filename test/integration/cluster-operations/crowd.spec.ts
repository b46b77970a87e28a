import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Backplane } from 'nestjs-redis-backplane';
import { guardProcess } from '../../support/process-guard.js';
import { waitFor } from '../../support/wait-for.js';
import { DEADLINE_MS, describeOnRedis } from '../fixtures/backends.js';
import { Cluster } from '../fixtures/cluster.js';
import { Crowd } from './fixtures/crowd.js';
import { costOf, report } from './fixtures/traffic.js';

const INSTANCES = 10;
const CLIENTS = 2_000;
const EACH = CLIENTS / INSTANCES;

describeOnRedis(`With ${INSTANCES} instances and ${CLIENTS} clients`, (redis) => {
  guardProcess();
  let cluster: Cluster;
  let crowd: Crowd;
  let asker: Backplane;

  beforeAll(async () => {
    const backplane = { heartbeat: false, lease: { ttlMs: 60_000, renewEveryMs: 30_000 } } as const;
    cluster = await Cluster.boot(redis, INSTANCES, { backplane });
    const urls = cluster.instances.map(({ booted, server }) => booted.url(server.path));
    crowd = await Crowd.connect(urls, CLIENTS);
    asker = cluster.first.backplane;
  });
  afterAll(async () => {
    await crowd?.dispose();
    await cluster?.dispose();
    expect(cluster.instances.map(({ backplane }) => backplane.stats().openRequests)).toEqual(
      Array(INSTANCES).fill(0),
    );
  });

  const hub = () => asker.hub('/chat').timeout(DEADLINE_MS);
  const truth = () => cluster.instances.map(({ server }) => server.clients.size);

  it('each count is exact, as a whole, by instance and by room', async () => {
    await waitFor('all clients', () => truth().every((size) => size === EACH));
    expect(await hub().count()).toBe(CLIENTS);
    const { total, answers, missing } = await hub().countByInstance();
    expect({ total, missing }).toEqual({ total: CLIENTS, missing: [] });
    expect(new Map(answers.map((a) => [a.instanceId, a.connections]))).toEqual(
      new Map(cluster.instances.map(({ backplane }) => [backplane.instanceId, EACH])),
    );
    expect(await hub().to('nobody').count()).toBe(0);
    expect(await hub().to([]).count()).toBe(0);
    expect(await hub().local.count()).toBe(EACH);
    expect(await asker.hub('/elsewhere').count()).toBe(0);
  });

  it('fetchSockets names each connection once, with its rooms, data and instance', async () => {
    const truth = new Map(
      cluster.instances.flatMap(({ server, backplane }, i) =>
        [...server.clients].map((client, j) => {
          client.data.place = `${i}.${j}`;
          return [client.id, `${backplane.instanceId} ${i}.${j}`];
        }),
      ),
    );
    const sockets = await hub().fetchSockets();
    expect(sockets.missing).toEqual([]);
    expect(sockets).toHaveLength(CLIENTS);
    expect(new Map(sockets.map((s) => [s.id, `${s.instanceId} ${s.data.place}`]))).toEqual(truth);
  });

  it('socketsJoin and socketsLeave move everyone whom they name, and an emit then reaches them', async () => {
    const even = cluster.instances.flatMap(({ server }) =>
      [...server.clients].filter((_, i) => i % 2 === 0).map(({ id }) => id),
    );
    expect(await hub().toConnection(even).socketsJoin('even', 'also')).toEqual({
      connections: CLIENTS / 2,
      missing: [],
    });
    expect(await hub().to('even').count()).toBe(CLIENTS / 2);
    expect(await hub().except('even').count()).toBe(CLIENTS / 2);
    expect(await hub().to('even').socketsLeave('even')).toEqual({
      connections: CLIENTS / 2,
      missing: [],
    });
    expect(await hub().to('even').count()).toBe(0);
    expect(await hub().to('also').count()).toBe(CLIENTS / 2);
  });

  it('emitWithAck brings one answer from each', async () => {
    const seen = new Set<string>();
    const { answers, missing } = await hub().emitWithAck('poll', 'tea?', {
      onAnswer: ({ connectionId }) => seen.add(connectionId),
    });
    expect(missing).toEqual([]);
    expect(answers).toHaveLength(CLIENTS);
    expect(new Set(answers.map(({ connectionId }) => connectionId))).toEqual(seen);
    expect(seen.size).toBe(CLIENTS);
    expect(answers.every(({ data }) => data === 'tea?')).toBe(true);
  });

  it('a request costs Redis one message to all, and an answer from each', async () => {
    const { calls } = await costOf(redis.server, () => hub().count());
    expect(calls).toMatchObject({ evalsha: 1, publish: 1 + (INSTANCES - 1) });
    const far = [...cluster.last.server.clients][0]!.id;
    const one = await costOf(redis.server, () => hub().toConnection(far).emitWithAck('q'));
    // PeerRequest, who is asked, answer; straight, without a look at the roll.
    expect(one.calls).toMatchObject({ publish: 3 });
    expect(one.calls.evalsha).toBeUndefined();
    report(`count: ${JSON.stringify(calls)}; one connection: ${JSON.stringify(one.calls)}`);
  });

  it('count costs a fraction of fetchSockets', async () => {
    await hub().count();
    const rounds = async (act: () => Promise<unknown>) => {
      for (let i = 0; i < 10; i++) await act();
    };
    const count = await costOf(redis.server, () => rounds(() => hub().count()));
    const fetch = await costOf(redis.server, () => rounds(() => hub().fetchSockets()));
    report(
      `10 counts: ${count.bytes} bytes at Redis, ${count.cpuMs.toFixed(0)} ms CPU; ` +
        `10 fetchSockets: ${fetch.bytes} bytes, ${fetch.cpuMs.toFixed(0)} ms CPU`,
    );
    expect(count.bytes * 5).toBeLessThan(fetch.bytes);
  });

  it('an answer of megabytes comes whole, in parts that let others pass', async () => {
    const [big] = [...cluster.last.server.clients];
    big!.data.blob = 'é'.repeat(1024 * 1024);
    const sockets = await hub().toConnection(big!.id).fetchSockets();
    expect(sockets[0]!.data.blob === big!.data.blob).toBe(true);
    delete big!.data.blob;
  });

  it('disconnectSockets closes everyone, and nobody is left anywhere', async () => {
    expect(await hub().disconnectSockets(4000, 'enough')).toEqual({
      connections: CLIENTS,
      missing: [],
    });
    await waitFor('all to be gone', () => crowd.open === 0, DEADLINE_MS);
    await waitFor('no one here', () => truth().every((size) => size === 0), DEADLINE_MS);
    expect(await hub().count()).toBe(0);
    expect(await hub().fetchSockets()).toHaveLength(0);
  });
});
