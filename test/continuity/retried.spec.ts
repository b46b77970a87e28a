import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { BackplaneUnavailableError } from 'nestjs-redis-backplane';
import { Instance, ownKey, report } from '../faults/fixtures/instance.js';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { Random } from '../support/random.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { RedisProxy } from './stage/redis-proxy.js';

const TRIES = 100;

describeWithRedis(`A message that is published ${TRIES} times under one id`, () => {
  guardProcess();
  const track = closeAfterEach();

  it('is delivered once, however often the link is cut', async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await RedisProxy.start(redis.port));
    const options = {
      eventKeys: ownKey(),
      history: [{ rooms: 'orders', size: 500, ttlMs: 300_000 }],
    };
    const log = new LogCapture();
    const sender = track(
      await Instance.boot({ ...options, redis: { host: '127.0.0.1', port: proxy.port } }, log),
    );
    const receiver = track(await Instance.boot({ ...options, redis: redis.url }, log));
    await Promise.all([sender.awaitStatus('ready'), receiver.awaitStatus('ready')]);
    const clients = [
      track(await sender.connect('orders')),
      track(await receiver.connect('orders')),
    ];
    const room = sender.server.to('orders');

    const random = new Random(1);
    const outcomes = { first: 0, duplicate: 0, unknown: 0 };
    // As a rule the first of them is carried out, and its answer is lost.
    proxy.delay(['commands'], 20);
    for (let i = 0; i < TRIES; i++) {
      const outcome = room.publish('ordered', 'once', { id: 'order 1' }).then(
        (published) => (published!.duplicate ? 'duplicate' : 'first'),
        (error: unknown) => {
          expect(error).toBeInstanceOf(BackplaneUnavailableError);
          return 'unknown';
        },
      );
      if (i === 0 || random.chance(0.5)) {
        await delay(random.between(21, 39));
        proxy.cut(['commands']);
      }
      outcomes[(await outcome) as keyof typeof outcomes]++;
      if (random.chance(0.5)) await sender.awaitStatus('ready');
    }
    proxy.heal();
    await sender.awaitStatus('ready');
    const last = await room.publish('ordered', 'last', { id: 'order 2' });
    report(`${JSON.stringify(outcomes)} of ${TRIES} tries under one id`);

    expect(last).toMatchObject({ offset: 2, duplicate: false });
    expect(outcomes.first).toBeLessThanOrEqual(1);
    expect(outcomes.duplicate).toBeGreaterThan(0);
    expect(outcomes.unknown).toBeGreaterThan(1);
    for (const client of clients) {
      await waitFor('the last', () => client.received.length === 3);
      expect(client.received.slice(1)).toEqual([
        { event: 'ordered', data: 'once' },
        { event: 'ordered', data: 'last' },
      ]);
    }
  }, 90_000);
});
