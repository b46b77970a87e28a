import { expect, it } from '@jest/globals';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches, report } from './fixtures/instance.js';
import { Ear, Traffic, untilHeardByAll } from './fixtures/traffic.js';

const ROUNDS = 6;

describeWithRedis('Connections to Redis killed under traffic', () => {
  guardProcess();
  const track = closeAfterEach();

  async function boot() {
    const redis = track(await RedisServer.start());
    const log = new LogCapture();
    const options = { redis: redis.url, eventKeys: ownKey() };
    const a = track(await Instance.boot(options, log));
    const b = track(await Instance.boot(options, log));
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const near = track(await a.connect('traffic'));
    const far = track(await b.connect('traffic'));
    return { redis, log, a, b, near, far };
  }

  it.each(['pubsub', 'normal'])(
    'CLIENT KILL TYPE %s, again and again',
    async (type) => {
      const { redis, a, b, near, far } = await boot();
      const [nearEar, farEar] = [new Ear(near), new Ear(far)];
      const traffic = track(new Traffic(a, 'traffic', 2));
      let slowest = 0;
      for (let round = 1; round <= ROUNDS; round++) {
        await waitFor(
          'traffic',
          () => farEar.last > traffic.sent - 100 && traffic.sent > 50 * round,
        );
        const killed = performance.now();
        const degraded = [a, b].map((instance) => instance.awaitStatus('degraded'));
        expect(await redis.cli('client', 'kill', 'type', type)).toBeGreaterThanOrEqual(2);
        for (const at of await Promise.all(degraded)) expect(at - killed).toBeLessThan(1_000);
        await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
        slowest = Math.max(slowest, performance.now() - killed);
        const back = traffic.sent;
        await reaches(b, 'traffic', near);
        await reaches(a, 'traffic', far);
        await waitFor('traffic to flow', () => farEar.last > back);
      }
      traffic.stop();
      await untilHeardByAll(traffic, [nearEar, farEar]);
      report(
        `CLIENT KILL TYPE ${type}: ready again within ${slowest.toFixed()} ms, ` +
          `${farEar.missing} of ${traffic.sent} missed in ${ROUNDS} rounds`,
      );
      expect(traffic.thrown).toEqual([]);
      expect(farEar.disorder()).toBeUndefined();
      expect(nearEar.numbers).toHaveLength(traffic.sent);
      for (const instance of [a, b]) {
        expect(instance.statuses()).toEqual([
          'ready',
          ...Array.from({ length: ROUNDS }, () => ['degraded', 'ready'] as const).flat(),
        ]);
      }
      // Of two instances, one line each a round, both ways.
      expect(a.complaints).toEqual(
        Array.from({ length: 2 * ROUNDS }, () => expect.stringMatching(/^warn: .* is lost: /)),
      );
      expect(a.returns).toHaveLength(2 * ROUNDS);
    },
    40_000,
  );

  it('takes back, when it returns, what was given up while only the commands were away', async () => {
    const redis = track(await RedisServer.start());
    const [eventKey] = ownKey() as [string];
    const instance = track(
      await Instance.boot({
        redis: redis.url,
        eventKeys: eventKey,
        authenticate: () => ({ id: 'somebody' }),
      }),
    );
    await instance.awaitStatus('ready');
    const ofUser = async () =>
      ((await redis.cli('pubsub', 'channels')) as string[]).filter(
        (name) => name.startsWith(`{${eventKey}}:user:`) && name.endsWith(':somebody'),
      );
    const client = track(await instance.connect());
    expect(await ofUser()).toHaveLength(1);

    // The user leaves in the moment in which the subscriber's connection stands, and the other does
    // not.
    let sawDegraded = false;
    instance.backplane.on('status', (status) => {
      if (status !== 'degraded') return;
      sawDegraded = true;
      for (const member of instance.server.clients) member.terminate();
    });
    await redis.cli('client', 'kill', 'type', 'normal');
    await client.awaitClose();
    expect(sawDegraded).toBe(true);
    await instance.awaitStatus('ready');
    await waitFor('the user to be unsubscribed', async () => (await ofUser()).length === 0, 2_000);
  });
});
