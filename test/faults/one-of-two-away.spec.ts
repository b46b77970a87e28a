import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches, report } from './fixtures/instance.js';
import { Ear, Traffic, untilHeardByAll } from './fixtures/traffic.js';

describeWithRedis('Two instances, of which one is away from Redis', () => {
  guardProcess();
  const track = closeAfterEach();

  it('what the other sent meanwhile comes when it is back, in order and never doubled', async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    const eventKeys = ownKey();
    const a = track(await Instance.boot({ redis: redis.url, eventKeys }));
    const b = track(
      await Instance.boot({ redis: `redis://127.0.0.1:${proxy.port}`, eventKeys }, a.log),
    );
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const near = track(await a.connect('traffic', 'also'));
    const far = track(await b.connect('traffic', 'also'));
    const [nearEar, farEar] = [new Ear(near), new Ear(far)];
    const traffic = track(new Traffic(a, 'traffic', 3));

    for (const awayMs of [200, 800, 300]) {
      const before = traffic.sent;
      await waitFor('traffic', () => farEar.last > before + 30);
      const degraded = b.awaitStatus('degraded');
      proxy.refuse();
      proxy.cut();
      await degraded;
      // To several rooms at once, on several channels: one copy, or none.
      a.server.to('traffic', 'also').emit('several', awayMs);
      await delay(awayMs);
      await proxy.acceptAgain();
      await b.awaitStatus('ready');
      const back = traffic.sent;
      a.server.to('traffic', 'also').emit('several', -awayMs);
      await reaches(a, 'traffic', far);
      await waitFor('traffic', () => farEar.last > back + 10);
      expect(farEar.missing).toBe(0);
    }
    traffic.stop();
    await untilHeardByAll(traffic, [nearEar, farEar]);
    report(
      `one of two away: ${b.backplane.stats().recovered} of ${traffic.sent} came late in three outages`,
    );
    expect(b.backplane.stats().recovered).toBeGreaterThan(30);
    expect(farEar.disorder()).toBeUndefined();
    expect(nearEar.numbers).toHaveLength(traffic.sent);
    const several = (client: typeof far) =>
      client.received
        .map((frame) => frame as { event?: string; data?: unknown })
        .filter(({ event }) => event === 'several')
        .map(({ data }) => data);
    expect(several(near)).toEqual([200, -200, 800, -800, 300, -300]);
    expect(several(far)).toEqual([200, -200, 800, -800, 300, -300]);
    expect(a.statuses()).toEqual(['ready']);
    expect(a.backplane.stats().unsent).toBe(0);
    expect(a.complaints).toHaveLength(3);
  }, 30_000);
});
