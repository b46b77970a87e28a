import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches, report } from './fixtures/instance.js';
import { Ear, Traffic } from './fixtures/traffic.js';

const EVENTS = ['connect', 'ready', 'error', 'close', 'end', 'message', 'messageBuffer'] as const;

function listeners(client: Redis): number[] {
  return EVENTS.map((event) => client.listenerCount(event));
}

describeWithRedis("A client of the app's own, with the defaults of ioredis", () => {
  guardProcess();
  const track = closeAfterEach();

  async function setUp(options: RedisOptions = {}) {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    // Not by `redis.client()`: what ioredis does by itself is the point.
    const own = new Redis({ port: proxy.port, host: '127.0.0.1', ...options });
    own.on('error', () => {});
    track({
      dispose: async () => {
        own.disconnect();
        if (own.status !== 'end') await new Promise((resolve) => own.once('end', resolve));
      },
    });
    const before = listeners(own);
    const eventKeys = ownKey();
    const a = track(await Instance.boot({ redis: own, eventKeys }));
    const b = track(await Instance.boot({ redis: redis.url, eventKeys }, a.log));
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const far = track(await b.connect('traffic'));
    return { redis, proxy, own, before, a, b, far, ear: new Ear(far) };
  }

  it('leaves no publish without an end when the app closes and Redis does not answer', async () => {
    const { proxy, own, a } = await setUp();
    proxy.stall();
    const ended = a.server
      .to('traffic')
      .publish('never', undefined, { queue: true })
      .then(
        () => 'taken',
        (error: Error) => error.name,
      );
    await a.dispose();
    expect(await ended).toBe('BackplaneClosedError');
    expect(own.status).toBe('ready');
  }, 20_000);

  it('resends what was under way when the link was cut: it arrives once, in order', async () => {
    const { proxy, own, before, a, b, far, ear } = await setUp();
    const traffic = track(new Traffic(a, 'traffic', 1));
    for (let round = 1; round <= 8; round++) {
      const goal = traffic.sent + 30;
      await waitFor('traffic', () => ear.last >= goal);
      // Redis takes the messages and its answers are lost: ioredis will send them again.
      proxy.stall('toClient');
      const lost = traffic.sent + 20;
      await waitFor('messages without an answer', () => ear.last >= lost);
      const degraded = a.awaitStatus('degraded');
      proxy.cut();
      proxy.flow();
      await degraded;
      await a.awaitStatus('ready');
    }
    traffic.stop();
    await reaches(a, 'traffic', far);
    const { repeated } = b.backplane.stats();
    report(
      `own client: ${repeated} second copies dropped of ${traffic.sent}, ${ear.missing} missed`,
    );
    expect(repeated).toBeGreaterThan(0);
    expect(ear.disorder()).toBeUndefined();

    // It is the app's: it lives on when the backplane is closed, and nobody listens to it any more.
    await a.dispose();
    expect(own.status).toBe('ready');
    expect(await own.ping()).toBe('PONG');
    expect(listeners(own)).toEqual(before);
  }, 40_000);

  it('gives up after its retries, and comes back: so does the link', async () => {
    const { redis, own, before, a, b, far, ear } = await setUp({ maxRetriesPerRequest: 2 });
    const traffic = track(new Traffic(a, 'traffic'));
    await waitFor('traffic', () => ear.last >= 20);
    await redis.kill();
    await Promise.all([a.awaitStatus('degraded'), b.awaitStatus('degraded')]);
    await delay(1_000);
    await redis.restart();
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const back = traffic.sent;
    await reaches(a, 'traffic', far);
    await waitFor('traffic', () => ear.last > back + 20);
    expect(ear.disorder()).toBeUndefined();
    expect(ear.missing).toBe(0);
    expect(a.backplane.stats()).toMatchObject({ unsent: 0 });
    expect(a.backplane.stats().resent).toBeGreaterThan(20);
    await a.dispose();
    expect(own.status).toBe('ready');
    expect(listeners(own)).toEqual(before);
  }, 30_000);

  it('keeps thousands of messages under way without doubling one', async () => {
    const { proxy, a, b, far, ear } = await setUp();
    // As many as ioredis is given ahead of answers: lib/transport/redis/redis-sender.ts.
    const burst = 2_000;
    proxy.stall('toClient');
    for (let n = 1; n <= burst; n++)
      a.server.to('traffic').emit('numbered', { n, at: performance.now() });
    await waitFor('the burst', () => ear.numbers.length >= burst, 15_000);
    const degraded = a.awaitStatus('degraded');
    proxy.cut();
    proxy.flow();
    await degraded;
    await a.awaitStatus('ready');
    await reaches(a, 'traffic', far);
    report(`own client: ${b.backplane.stats().repeated} second copies of ${burst} dropped`);
    expect(b.backplane.stats().repeated).toBeGreaterThanOrEqual(burst);
    expect(ear.disorder()).toBeUndefined();
    expect(ear.numbers).toHaveLength(burst);
  }, 30_000);

  it('is closed by the app: degraded, and nothing else', async () => {
    const { own, a } = await setUp();
    const near = track(await a.connect('room'));
    const degraded = a.awaitStatus('degraded');
    await own.quit();
    await degraded;
    a.server.to('room').emit('still');
    await near.nextEvent('still');
    await expect(a.server.to('room').publish('lost')).rejects.toThrow();
    await a.dispose();
  });
});
