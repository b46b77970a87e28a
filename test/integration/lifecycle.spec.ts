import { expect, it } from '@jest/globals';
import { RedisBackplaneModule } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { realProcess } from '../support/real-process.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';
import { describeOnEach, describeOnRedis, type RedisBackend } from './fixtures/backends.js';
import { arrivalsByLabel, Cluster } from './fixtures/cluster.js';
import { Instance, userOfQuery } from './fixtures/instance.js';
import { RoomGateway } from './fixtures/room.gateway.js';

/** What keeps a process alive, or is told what happens to it: kind to number. */
function holdings(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of realProcess.getActiveResourcesInfo()) {
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  for (const event of realProcess.eventNames()) {
    counts[`on ${String(event)}`] = realProcess.listenerCount(event);
  }
  return counts;
}

async function clientsOf(redis: RedisBackend): Promise<number> {
  return String(await redis.server.cli('client', 'list'))
    .trim()
    .split('\n').length;
}

describeOnEach('Apps of one process', (backend) => {
  guardProcess();
  const track = closeAfterEach();

  it('boot and close 100 times, and nothing of them is left', async () => {
    const where = backend.options();
    const round = async (n: number) => {
      const app = await bootApp({
        log: new LogCapture(),
        imports: [RedisBackplaneModule.forRoot({ ...where, authenticate: userOfQuery })],
        providers: [RoomGateway],
        configure: (nest) => nest.enableShutdownHooks(),
      });
      const client = await WsClient.connect(app.url('/chat?user=u'));
      await client.request('join', ['r']);
      app.app.get(RoomGateway).server.to('r').emit('said', n);
      expect(await client.nextEvent('said')).toBe(n);
      // Every other time the client is there until the end.
      if (n % 2 === 0) await client.close();
      await app.close();
      expect(await client.awaitClose()).toMatchObject({ code: n % 2 === 0 ? 1000 : 1001 });
    };
    // What is made once a process.
    for (let n = 0; n < 3; n++) await round(n);
    const settled = async () => {
      let last = '';
      return waitFor('the process to come to rest', () => {
        const now = JSON.stringify(holdings());
        const rests = now === last;
        last = now;
        return rests && holdings();
      });
    };
    const before = await settled();
    for (let n = 3; n < 103; n++) await round(n);
    // Sooner than a timer that was left would end by itself.
    const gone = () => {
      // Fewer are no leak: a timer of the process's own may have been there at the first look.
      const more = Object.entries(holdings()).filter(([what, n]) => n > (before[what] ?? 0));
      expect(more).toEqual([]);
      return true;
    };
    await waitFor('all to be gone', gone, 2_000);
    if (backend.name === 'redis') {
      const redis = backend as RedisBackend;
      await waitFor('Redis to be alone', async () => (await clientsOf(redis)) === 1);
      expect(await redis.channels(where.eventKeys[0]!)).toEqual([]);
    }
  }, 120_000);

  it('do not disturb each other: one goes, the rest of its cluster and a stranger stay', async () => {
    const cluster = track(await Cluster.boot(backend, 3));
    const stranger = track(await Instance.boot({ backplane: backend.options() }));
    const at = [...cluster.instances, stranger];
    const peers = [];
    for (const [i, instance] of at.entries()) {
      peers.push(track(await instance.connect({ label: `${i}`, user: 'u', rooms: ['r'] })));
    }
    await cluster.first.booted.close();
    expect(await peers[0]!.ws.awaitClose()).toMatchObject({ code: 1001 });
    const [, second, third] = cluster.instances;
    second!.server.to('r').emit('said', 1);
    await third!.server.toUser('u').publish('said', 2);
    stranger.server.emit('said', 3);
    const said = (data: number) => [{ event: 'said', data }];
    const [, two, three, four] = peers;
    // Of two emitters: in any order, and before both of their barriers.
    const ofSecond = await arrivalsByLabel(second!.server, [two!, three!]);
    const ofThird = await arrivalsByLabel(third!.server, [two!, three!]);
    for (const label of ['1', '2']) {
      const arrived = [...(ofSecond[label] ?? []), ...(ofThird[label] ?? [])];
      expect(arrived).toHaveLength(2);
      expect(arrived).toEqual(expect.arrayContaining([...said(1), ...said(2)]));
    }
    expect(await arrivalsByLabel(stranger.server, [four!])).toEqual({ '3': said(3) });
    expect(at.map((instance) => instance.backplane.status)).toEqual([
      'closed',
      'ready',
      'ready',
      'ready',
    ]);
  });

  it('tell their status, and end what waits for it', async () => {
    const instance = track(await Instance.boot({ backplane: backend.options() }));
    const { backplane } = instance;
    const states: string[] = [];
    const off = backplane.on('status', (status) => states.push(status));
    const silent: string[] = [];
    backplane.on('status', (status) => silent.push(status))();
    await backplane.ready();
    expect(backplane.status).toBe('ready');
    await instance.booted.close();
    expect(states).toEqual(['closed']);
    expect(silent).toEqual([]);
    off();
    await expect(backplane.ready()).rejects.toMatchObject({ code: 'BACKPLANE_CLOSED' });
    expect(() => backplane.on('message' as 'status', () => {})).toThrow(TypeError);
  });

  it('count what they send, and what they get', async () => {
    const cluster = track(await Cluster.boot(backend, 2));
    const { first, last } = cluster;
    const peers = [track(await first.connect({ rooms: ['r'] })), track(await last.connect())];
    await last.server.publish('said', 1);
    await last.server.to('r').publish('said', 2);
    await last.server.local.publish('said', 3);
    await last.server.to([]).publish('said', 4);
    await arrivalsByLabel(last.server, peers);
    expect(last.backplane.stats()).toMatchObject({
      emitted: 5,
      unsent: 0,
      received: 0,
      delivered: 3,
      malformed: 0,
      dropped: 0,
    });
    expect(first.backplane.stats()).toMatchObject({ emitted: 0, received: 3, delivered: 3 });
  });
});

describeOnRedis('A publish', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  it('resolves when Redis took it, with or without anybody who listens', async () => {
    const instance = track(await Instance.boot({ backplane: redis.options() }));
    await expect(instance.server.publish('said', 1)).resolves.toBeUndefined();
    await expect(instance.server.to('nobody').publish('said')).resolves.toBeUndefined();
    await expect(instance.backplane.hub('elsewhere').publish('x')).resolves.toBeUndefined();
  });

  it('rejects in its time when Redis does not answer, and local members have it', async () => {
    const where = redis.options();
    const instance = track(
      await Instance.boot({ backplane: { ...where, commandTimeoutMs: 10_000 } }),
    );
    const peer = track(await instance.connect({ rooms: ['r'] }));
    redis.server.pause();
    try {
      const started = performance.now();
      const publishing = instance.server.to('r').timeout(100).publish('said', 1);
      expect(await peer.ws.nextEvent('said')).toBe(1);
      await expect(publishing).rejects.toMatchObject({
        name: 'BackplaneUnavailableError',
        code: 'BACKPLANE_UNAVAILABLE',
        message: expect.stringMatching(/within 100 ms/),
      });
      expect(performance.now() - started).toBeGreaterThan(90);
    } finally {
      redis.server.resume();
    }
    await expect(instance.server.publish('said', 2)).resolves.toBeUndefined();
  });
});
