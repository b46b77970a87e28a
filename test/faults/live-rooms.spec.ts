import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { Interruption } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import type { WsClient } from '../support/ws-client.js';
import { Instance, ownKey } from './fixtures/instance.js';

describeWithRedis('A message to a plain room that is sent while an instance is cut off', () => {
  guardProcess();
  const track = closeAfterEach();

  interface Pair {
    redis: RedisServer;
    /** Between the first instance and Redis; between the second and Redis. */
    proxies: [TcpProxy, TcpProxy];
    a: Instance;
    b: Instance;
    eventKeys: string[];
  }

  async function boot(ofA: object = {}, ofB: object = ofA): Promise<Pair> {
    const redis = track(await RedisServer.start());
    const proxies = [
      track(await TcpProxy.start(redis.port)),
      track(await TcpProxy.start(redis.port)),
    ] as Pair['proxies'];
    const eventKeys = ownKey();
    const [a, b] = [
      track(await Instance.boot({ redis: { port: proxies[0].port }, eventKeys, ...ofA })),
      track(await Instance.boot({ redis: { port: proxies[1].port }, eventKeys, ...ofB })),
    ];
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    await waitFor('each to know the other', async () => {
      const counts = await Promise.all([a, b].map(({ backplane }) => backplane.instances()));
      return counts.every(({ length }) => length === 2);
    });
    return { redis, proxies, a, b, eventKeys };
  }

  async function cut(instance: Instance, proxy: TcpProxy): Promise<void> {
    proxy.refuse();
    proxy.cut();
    await instance.awaitStatus('degraded');
  }

  const said = ({ received }: WsClient): unknown[] =>
    received
      .map((frame) => frame as { event?: string; data?: unknown })
      .filter(({ event }) => event === 'said')
      .map(({ data }) => data);

  it('comes before the command that was sent after it', async () => {
    const { proxies, a, b } = await boot();
    const client = track(await b.connect('r'));
    await cut(b, proxies[1]);
    a.server.to('r').emit('said', 1);
    a.server.to('r').emit('said', 2);
    const done = a.server.to('r').timeout(10_000).disconnectSockets(4_000, 'bye');
    await proxies[1].acceptAgain();
    expect(await client.closed).toMatchObject({ code: 4_000 });
    expect(said(client)).toEqual([1, 2]);
    await done;
  });

  it('comes before the command where the sender is cut off', async () => {
    const { proxies, a, b } = await boot();
    const client = track(await b.connect('r'));
    // Half of it: what it sends does not reach Redis, and is lost with the connection.
    proxies[0].stall('toServer');
    a.server.to('r').emit('said', 1);
    const done = a.server
      .to('r')
      .timeout(20_000)
      .disconnectSockets(4_000, 'bye')
      .catch(() => {});
    await a.awaitStatus('degraded');
    proxies[0].cut();
    proxies[0].flow();
    await a.awaitStatus('ready');
    await a.server.to('r').timeout(10_000).disconnectSockets(4_000, 'bye');
    expect(await client.closed).toMatchObject({ code: 4_000 });
    expect(said(client)).toEqual([1]);
    await done;
  });

  it('comes to those only who were in the room then', async () => {
    const { proxies, a, b } = await boot();
    const before = track(await b.connect('r'));
    const leaves = track(await b.connect('r'));
    await cut(b, proxies[1]);
    a.server.to('r').emit('said', 'early');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const after = track(await b.connect('r'));
    await leaves.request('leave', ['r']);
    a.server.to('r').emit('said', 'late');
    await proxies[1].acceptAgain();
    await waitFor('the last', () => said(after).includes('late'));
    expect(said(before)).toEqual(['early', 'late']);
    expect(said(after)).toEqual(['late']);
    expect(said(leaves)).toEqual([]);
  });

  it('waits for longer than commandTimeoutMs; a publish does not, and what it rejected is not sent again', async () => {
    const { proxies, a, b } = await boot({ commandTimeoutMs: 500 });
    const client = track(await b.connect('r'));
    proxies[0].stall();
    const room = a.server.to('r');
    room.emit('said', 'emitted');
    const late = room.publish('said', 'too late for its deadline');
    const queued = room.publish('said', 'queued', { queue: true });
    await expect(late).rejects.toMatchObject({ name: 'BackplaneUnavailableError' });
    await a.awaitStatus('degraded');
    await expect(room.publish('said', 'without a link')).rejects.toMatchObject({
      name: 'BackplaneUnavailableError',
    });
    room.emit('said', 'emitted while degraded');
    proxies[0].cut();
    proxies[0].flow();
    await queued;
    await waitFor('the last', () => said(client).includes('emitted while degraded'));
    expect(said(client)).toEqual(['emitted', 'queued', 'emitted while degraded']);
  });

  it('leaves out those who were in a room of its exceptions then', async () => {
    const { proxies, a, b } = await boot();
    const mutedThen = track(await b.connect('r', 'muted'));
    const mutedLater = track(await b.connect('r'));
    await cut(b, proxies[1]);
    const room = a.server.to('r');
    room.except('muted').emit('said', 'not to the muted');
    room.emit('said', 'to all');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await mutedThen.request('leave', ['muted']);
    await mutedLater.request('join', ['muted']);
    await proxies[1].acceptAgain();
    for (const client of [mutedThen, mutedLater])
      await waitFor('the last', () => said(client).includes('to all'));
    expect(said(mutedThen)).toEqual(['to all']);
    expect(said(mutedLater)).toEqual(['not to the muted', 'to all']);
  });

  it('is lost, and said to be, when its sender ends before the other is back', async () => {
    const { proxies, a, b } = await boot();
    const client = track(await b.connect('r'));
    const told: Interruption[] = [];
    b.backplane.on('interrupted', (interruption) => told.push(interruption));
    const { instanceId } = a.backplane;
    await cut(b, proxies[1]);
    a.server.to('r').emit('said', 1);
    await a.dispose();
    await proxies[1].acceptAgain();
    await b.awaitStatus('ready');
    await waitFor('the word', () => told.length > 0, 20_000);
    expect(told).toEqual([
      {
        hub: '/chat',
        room: undefined,
        instance: instanceId,
        forMs: expect.any(Number),
        lost: 'unknown',
      },
    ]);
    expect(said(client)).toEqual([]);
  }, 40_000);

  it('is lost where the window is 0, as before', async () => {
    const { proxies, a, b } = await boot({ liveWindowMs: 0 });
    const client = track(await b.connect('r'));
    await cut(b, proxies[1]);
    a.server.to('r').emit('said', 1);
    await proxies[1].acceptAgain();
    await b.awaitStatus('ready');
    a.server.to('r').emit('said', 2);
    await waitFor('the second', () => said(client).includes(2));
    expect(said(client)).toEqual([2]);
    expect(a.backplane.stats().liveReachMs).toBeUndefined();
  });

  it('goes out as before while an instance of an earlier release is there', async () => {
    const { redis, a, b, eventKeys } = await boot();
    const client = track(await b.connect('r'));
    const control = new Redis(redis.url);
    track({ dispose: () => control.disconnect() });
    const heard: number[] = [];
    await control.subscribe(`{${eventKeys[0]}}:room:%2Fchat:r`, `{${eventKeys[0]}}:room:/chat:r`);
    control.on('messageBuffer', (_: Buffer, bytes: Buffer) => heard.push(bytes[0]!));
    a.server.to('r').emit('said', 'with its place');
    await waitFor('the first', () => said(client).length === 1);
    // What an instance of 0.1.0 has in its lease.
    const older = {
      host: 'h',
      pid: 1,
      startedAt: 1,
      connections: 0,
      hubs: ['/chat'],
      listens: [],
      former: [],
    };
    const key = `{${eventKeys[0]}}:leases`;
    const cli = new Redis(redis.url);
    track({ dispose: () => cli.disconnect() });
    const [now] = await cli.time();
    await cli.zadd(key, Number(now) * 1_000 + 60_000, 'olderolderolder1');
    await cli.hset(`${key}:values`, 'olderolderolder1', JSON.stringify(older));
    await waitFor(
      'the older one to be known',
      async () => (await a.backplane.instances()).length === 3,
    );
    a.server.to('r').emit('said', 'without');
    await waitFor('the second', () => said(client).length === 2);
    expect(heard).toEqual([2, 1]);
  });
});
