import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { BackplaneClosedError } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { freePort } from '../support/free-port.js';
import { guardProcess } from '../support/process-guard.js';
import { realProcess } from '../support/real-process.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, report } from './fixtures/instance.js';

/** Above what the parts of a close may wait for: a farewell to Redis and one to the clients. */
const CLOSED_MS = 6_000;

type Resources = ReadonlyMap<string, number>;

/** Sockets and timers that keep the process alive, by kind. */
function resources(): Resources {
  const counts = new Map<string, number>();
  for (const kind of realProcess.getActiveResourcesInfo()) {
    if (/^(TCP|Timeout|Connect|GetAddrInfo)/.test(kind)) {
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
  }
  return counts;
}

/** What there is when all that is about to end has ended: unchanged for a while. */
async function restingResources(): Promise<Resources> {
  const show = () => JSON.stringify([...resources()]);
  for (let unchanged = 0, last = show(); unchanged < 15; unchanged++) {
    await delay(20);
    if (show() === last) continue;
    last = show();
    unchanged = 0;
  }
  return resources();
}

/**
 * Nothing more than before; a turn, or a grace of ioredis, later, and sooner than any timer of ours
 * would end by itself.
 */
async function leavesNothingMoreThan(before: Resources): Promise<void> {
  const more = () => [...resources()].filter(([kind, count]) => count > (before.get(kind) ?? 0));
  const end = performance.now() + 1_500;
  while (more().length > 0 && performance.now() < end) await delay(20);
  expect(more()).toEqual([]);
}

describeWithRedis('An app that closes', () => {
  guardProcess();
  const track = closeAfterEach();

  /** Closes it, and checks that it took no longer than it may, and that nothing of it is left. */
  async function closes(a: Instance, before: Resources, state: string): Promise<void> {
    const pending = a.backplane.status === 'ready' ? undefined : a.backplane.ready();
    pending?.catch(() => {});
    const asked = performance.now();
    await a.dispose();
    const tookMs = performance.now() - asked;
    report(`close while ${state}: ${tookMs.toFixed()} ms`);
    expect(tookMs).toBeLessThan(CLOSED_MS);
    expect(a.backplane.status).toBe('closed');
    if (pending) await expect(pending).rejects.toThrow(BackplaneClosedError);
    await expect(a.backplane.publish('late')).rejects.toThrow(BackplaneClosedError);
    a.backplane.emit('late');
    await leavesNothingMoreThan(before);
  }

  it('ready', async () => {
    const redis = track(await RedisServer.start());
    const before = await restingResources();
    const a = await Instance.boot({ redis: redis.url, eventKeys: ownKey() });
    await a.awaitStatus('ready');
    await a.connect('room');
    await closes(a, before, 'ready');
    const clients = (await redis.cli('client', 'list')) as string;
    expect(clients.trim().split('\n')).toHaveLength(1);
  }, 20_000);

  it('degraded: nobody listens on the port of Redis', async () => {
    const port = await freePort();
    const before = await restingResources();
    const a = await Instance.boot({ redis: `redis://127.0.0.1:${port}`, eventKeys: ownKey() });
    await a.connect('room');
    await closes(a, before, 'degraded, refused');
  }, 20_000);

  it('degraded: Redis was killed just now', async () => {
    const redis = track(await RedisServer.start());
    const before = await restingResources();
    const a = await Instance.boot({ redis: redis.url, eventKeys: ownKey() });
    await a.awaitStatus('ready');
    await a.connect('room');
    await redis.kill();
    await a.awaitStatus('degraded');
    await closes(a, before, 'degraded, killed');
  }, 20_000);

  it('connecting: Redis accepts and does not answer', async () => {
    const redis = track(await RedisServer.start());
    const before = await restingResources();
    redis.pause();
    track({ dispose: () => redis.resume() });
    const a = await Instance.boot({
      redis: redis.url,
      eventKeys: ownKey(),
      commandTimeoutMs: 300,
    });
    await a.connect('room');
    await closes(a, before, 'connecting');
  }, 20_000);

  it('ready, as far as it knows: Redis fell silent with messages under way', async () => {
    const redis = track(await RedisServer.start());
    const before = await restingResources();
    const a = await Instance.boot({ redis: redis.url, eventKeys: ownKey() });
    await a.awaitStatus('ready');
    const client = await a.connect('room');
    redis.pause();
    track({ dispose: () => redis.resume() });
    const inFlight = a.server
      .to('room')
      .publish('never')
      .catch((error: Error) => error.name);
    const joining = client.request('join', ['another']).catch(() => {});
    await closes(a, before, 'silent');
    expect(await inFlight).toBe('BackplaneUnavailableError');
    await joining;
  }, 20_000);

  it('at any point of its recovery', async () => {
    const redis = track(await RedisServer.start());
    const before = await restingResources();
    const ends = new Set<string>();
    for (const delayMs of [0, 60, 120, 180, 240, 300]) {
      const proxy = track(await TcpProxy.start(redis.port));
      const a = track(
        await Instance.boot({ redis: `redis://127.0.0.1:${proxy.port}`, eventKeys: ownKey() }),
      );
      await a.awaitStatus('ready');
      await a.connect('room');
      // Each way takes its time: handshake, proof, subscriptions and proof are some 60 ms apart.
      proxy.delay(30);
      const degraded = a.awaitStatus('degraded');
      proxy.cut();
      await degraded;
      const bytes = proxy.bytes.toClient;
      await waitFor('Redis to have answered the first', () => proxy.bytes.toClient > bytes);
      await delay(delayMs);
      ends.add(a.backplane.status);
      const asked = performance.now();
      await a.dispose();
      expect(performance.now() - asked).toBeLessThan(CLOSED_MS);
      await proxy.close();
    }
    expect(ends).toContain('degraded');
    await leavesNothingMoreThan(before);
  }, 30_000);

  it('twice at once, and from a listener of its status', async () => {
    const redis = track(await RedisServer.start());
    const before = await restingResources();
    const a = await Instance.boot({ redis: redis.url, eventKeys: ownKey() });
    await a.awaitStatus('ready');
    const closings: Promise<void>[] = [];
    a.backplane.on('status', () => {
      closings.push(a.backplane.close());
      throw new Error('thrown by a listener');
    });
    await redis.kill();
    await a.awaitStatus('closed');
    await Promise.all([...closings, a.backplane.close(), a.dispose()]);
    expect(a.log.matching('thrown by a listener').length).toBeGreaterThan(0);
    await leavesNothingMoreThan(before);
  }, 20_000);
});
