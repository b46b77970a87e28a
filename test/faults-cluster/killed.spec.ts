import { expect, it } from '@jest/globals';
import { type InstanceInfo, type RedisBackplaneModuleOptions } from 'nestjs-redis-backplane';
import { Instance, ownKey } from '../faults/fixtures/instance.js';
import { report } from '../integration/cluster-operations/fixtures/traffic.js';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import type { WsClient } from '../support/ws-client.js';
import { WorkerProcess } from './fixtures/worker-process.js';

const LEASE_MS = 10_000;
const LONG_MS = 60_000;
/** The machine may be busy. Much less than the requests' own time. */
const SLACK_MS = 5_000;

describeWithRedis('An instance in a process of its own', () => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async () => {
    const redis = track(await RedisServer.start());
    const options: RedisBackplaneModuleOptions = { redis: redis.url, eventKeys: ownKey() };
    const asker = track(await Instance.boot(options as never));
    const worker = track(await WorkerProcess.start(options));
    const client = track(await worker.connect());
    return { asker, worker, client, near: track(await asker.connect()) };
  };

  /** Each operation, begun now. */
  const operations = ({ server }: Instance, connectionId: string) => {
    const all = server.timeout(LONG_MS);
    const one = all.toConnection(connectionId);
    return {
      fetchSockets: all.fetchSockets(),
      countByInstance: all.countByInstance(),
      count: all.count(),
      socketsJoin: all.socketsJoin('r'),
      socketsLeave: all.socketsLeave('r'),
      disconnectSockets: all.to('nobody').disconnectSockets(),
      emitWithAck: all.to('nobody').emitWithAck('q'),
      serverSideRequest: server.serverSideRequest('never', undefined, { timeoutMs: LONG_MS }),
      'emitWithAck to one': one.emitWithAck('q'),
      'socketsJoin of one': one.socketsJoin('r'),
    };
  };

  const idOf = async (asker: Instance, worker: WorkerProcess): Promise<string> => {
    const sockets = await asker.server.fetchSockets();
    return sockets.find(({ instanceId }) => instanceId === worker.id)!.id;
  };

  it('killed in the middle of each operation, is named within the lease and a second', async () => {
    const { asker, worker } = await boot();
    const connectionId = await idOf(asker, worker);
    // It is asked, and has not answered, when it dies.
    worker.signal('SIGSTOP');
    const begun = operations(asker, connectionId);
    const settled: Record<string, number> = {};
    let killed = performance.now();
    for (const [name, promise] of Object.entries(begun))
      void promise.then(() => (settled[name] = performance.now() - killed));
    await waitFor('all to be under way', () => asker.backplane.stats().openRequests === 10);
    killed = performance.now();
    worker.signal('SIGKILL');
    await Promise.all(Object.values(begun));
    const slowest = Math.max(...Object.values(settled));
    report(`killed: all ten operations answered within ${slowest.toFixed(0)} ms of the kill`);
    expect(slowest).toBeLessThan(LEASE_MS + 1_000 + SLACK_MS);

    const lost = { instanceId: worker.id, reason: 'INSTANCE_LOST' };
    const fetched = await begun.fetchSockets;
    expect([fetched.length, ...fetched.missing]).toEqual([1, lost]);
    expect(await begun.countByInstance).toMatchObject({ total: 1, missing: [lost] });
    expect(await begun.count).toBe(1);
    expect(await begun.socketsJoin).toEqual({ connections: 1, missing: [lost] });
    expect(await begun.socketsLeave).toEqual({ connections: 1, missing: [lost] });
    expect(await begun.disconnectSockets).toEqual({ connections: 0, missing: [lost] });
    expect(await begun.emitWithAck).toEqual({ answers: [], missing: [lost] });
    expect(await begun.serverSideRequest).toEqual({ answers: [], missing: [lost] });
    const one = [{ connectionId, reason: 'INSTANCE_LOST' }];
    expect(await begun['emitWithAck to one']).toEqual({ answers: [], missing: one });
    expect(await begun['socketsJoin of one']).toEqual({ connections: 0, missing: one });
    expect(asker.backplane.stats()).toMatchObject({ openRequests: 0, openQuestions: 0 });
    expect(await asker.server.count()).toBe(1);
  }, 90_000);

  it('told to end while it is asked, is named at once', async () => {
    const { asker, worker, client } = await boot();
    const connectionId = await idOf(asker, worker);
    const asked = asker.server.toConnection(connectionId).timeout(LONG_MS).emitWithAck('q');
    const told = asker.server.serverSideRequest('never', undefined, { timeoutMs: LONG_MS });
    await client.nextEvent('q');
    const begun = performance.now();
    worker.signal('SIGTERM');
    expect(await asked).toEqual({
      answers: [],
      missing: [{ connectionId, reason: 'CONNECTION_CLOSED' }],
    });
    expect(await told).toEqual({
      answers: [],
      missing: [{ instanceId: worker.id, reason: 'INSTANCE_LEFT' }],
    });
    await worker.exited;
    const took = performance.now() - begun;
    report(`ended by SIGTERM: named ${took.toFixed(0)} ms after the signal`);
    expect(took).toBeLessThan(3_000 + SLACK_MS);
  }, 90_000);

  it('stopped for 15 s, comes back under a new identity, and is counted once', async () => {
    const { asker, worker, client } = await boot();
    const clients: WsClient[] = [
      client,
      track(await worker.connect()),
      track(await worker.connect()),
    ];
    const connectionId = await idOf(asker, worker);
    const seen: { id: string; what: string; at: number }[] = [];
    const note = (what: string) => (instance: InstanceInfo) =>
      seen.push({ id: instance.id, what, at: performance.now() });
    asker.backplane.on('instanceJoined', note('joined'));
    asker.backplane.on('instanceLeft', note('left'));
    expect(await asker.server.count()).toBe(4);
    const stopped = performance.now();
    worker.signal('SIGSTOP');
    await waitFor('the loss', () => seen.length === 1, LEASE_MS + 1_000 + SLACK_MS);
    expect(seen[0]).toMatchObject({ id: worker.id, what: 'left' });
    expect(await asker.server.count()).toBe(1);
    await waitFor('15 s', () => performance.now() - stopped > 15_000, 20_000);
    const woken = performance.now();
    worker.signal('SIGCONT');
    await waitFor('the return', () => seen.length === 2, 10_000);
    report(
      `stopped for 15 s: back under a new identity ${(seen[1]!.at - woken).toFixed(0)} ms after SIGCONT`,
    );
    expect(seen[1]!.what).toBe('joined');
    expect(seen[1]!.id).not.toBe(worker.id);

    expect(await asker.server.count()).toBe(4);
    const sockets = await asker.server.fetchSockets();
    expect(sockets.missing).toEqual([]);
    expect(new Set(sockets.map(({ id }) => id)).size).toBe(4);
    expect(sockets.find(({ id }) => id === connectionId)!.instanceId).toBe(seen[1]!.id);
    const listed = await asker.backplane.instances();
    expect(listed.map(({ id, pid }) => [id, pid])).toEqual([
      [asker.backplane.instanceId, process.pid],
      [seen[1]!.id, worker.pid],
    ]);
    // The connection's old id is good, to ask and to tell.
    const asked = asker.server.toConnection(connectionId).emitWithAck('q');
    const questions = clients.map(async (one) => {
      const { id } = (await one.take(
        'the question',
        (frame) => (frame as any).event === 'q',
      )) as any;
      one.send(JSON.stringify({ id, data: 'here' }));
    });
    await Promise.any(questions);
    expect((await asked).answers).toEqual([{ connectionId, data: 'here' }]);
    asker.server.emit('all');
    await Promise.all(clients.map((one) => one.nextEvent('all')));
    await Promise.all(clients.map((one) => one.terminate()));
    await Promise.allSettled(questions);
  }, 120_000);
});
