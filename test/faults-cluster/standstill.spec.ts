import { expect, it } from '@jest/globals';
import type { RedisBackplaneModuleOptions } from 'nestjs-redis-backplane';
import { Instance, ownKey } from '../faults/fixtures/instance.js';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { WorkerProcess } from './fixtures/worker-process.js';

/** Longer than `commandTimeoutMs`. */
const STANDSTILL_MS = 2_500;

describeWithRedis('A process that stands still after it asked', () => {
  guardProcess();
  const track = closeAfterEach();

  it('reads the answers that came meanwhile, and takes none of them for missing', async () => {
    const redis = track(await RedisServer.start());
    const options: RedisBackplaneModuleOptions = {
      redis: redis.url,
      eventKeys: ownKey(),
      history: [{ rooms: 'log:*', size: 10, ttlMs: 60_000 }],
    };
    const asker = track(await Instance.boot(options as never));
    const worker = track(await WorkerProcess.start(options));
    const client = track(await worker.connect());
    const { server, backplane } = asker;
    await server.to('log:a').publish('said', 'before');

    const begun = {
      count: server.count(),
      countByInstance: server.countByInstance(),
      publish: server.publish('said'),
      published: server.to('log:a').publish('said', 'after'),
      fetchSockets: server.fetchSockets(),
      serverSideRequest: server.serverSideRequest('pid'),
      instances: backplane.instances(),
      emitWithAck: server.emitWithAck('q'),
      join: server.socketsJoin('r'),
      history: server.history('log:a'),
    };
    // The client is one of this process, and has yet to answer when it goes on.
    const answered = client
      .take('the question', (frame) => (frame as { event?: unknown }).event === 'q')
      .then((frame) => client.send(JSON.stringify({ id: (frame as { id: unknown }).id, data: 1 })));
    const until = performance.now() + STANDSTILL_MS;
    setImmediate(() => {
      while (performance.now() < until);
    });

    const instance = { instanceId: worker.id };
    expect(await begun.count).toBe(1);
    expect(await begun.countByInstance).toMatchObject({ total: 1, missing: [] });
    await begun.publish;
    expect(await begun.published).toMatchObject({ offset: 2 });
    const sockets = await begun.fetchSockets;
    expect([sockets.length, sockets.missing]).toEqual([1, []]);
    const answers = [{ ...instance, data: worker.pid }];
    expect(await begun.serverSideRequest).toEqual({ answers, missing: [] });
    expect((await begun.instances).map(({ id }) => id)).toEqual([backplane.instanceId, worker.id]);
    const acks = await begun.emitWithAck;
    await answered;
    expect(acks).toMatchObject({ answers: [{ data: 1 }], missing: [] });
    expect(await begun.join).toEqual({ connections: 1, missing: [] });
    expect(await begun.history).toMatchObject({ complete: true });
    expect(asker.statuses()).toEqual(['ready']);
    expect(asker.complaints).toEqual([]);
  }, 60_000);
});
