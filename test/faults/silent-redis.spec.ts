import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { BackplaneUnavailableError } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches, report } from './fixtures/instance.js';
import { Ear, Traffic, untilHeardByAll } from './fixtures/traffic.js';

const NO_DELAY_MS = 1_000;
/** For a busy machine. */
const SLACK_MS = 1_000;
/** As lib/cluster/link.ts states it: the interval of the probe, and its time to come back. */
const SILENT_LOSS_BOUND_MS = 3_000 + 2_000 + SLACK_MS;

describeWithRedis('A Redis that does not answer, over connections that stay open', () => {
  guardProcess();
  const track = closeAfterEach();

  async function boot() {
    const redis = track(await RedisServer.start());
    track({ dispose: () => redis.resume() });
    const log = new LogCapture();
    const options = { redis: redis.url, eventKeys: ownKey() };
    const a = track(await Instance.boot(options, log));
    const b = track(await Instance.boot(options, log));
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const near = track(await a.connect('traffic'));
    const far = track(await b.connect('traffic'));
    return { redis, log, a, b, near, far };
  }

  it('SIGSTOP for 15 s', async () => {
    const { redis, a, b, near, far } = await boot();
    const [nearEar, farEar] = [new Ear(near), new Ear(far)];
    const traffic = track(new Traffic(a, 'traffic'));
    await waitFor('traffic', () => farEar.last >= 20);

    const stopped = performance.now();
    redis.pause();
    const resume = delay(15_000).then(() => redis.resume());
    const asked = performance.now();
    await expect(a.server.to('traffic').publish('lost')).rejects.toThrow(BackplaneUnavailableError);
    expect(performance.now() - asked).toBeLessThan(2_000 + SLACK_MS);
    const noticed = await Promise.all([a, b].map((instance) => instance.awaitStatus('degraded')));
    for (const at of noticed) expect(at - stopped).toBeLessThan(SILENT_LOSS_BOUND_MS);

    const came = performance.now();
    const newcomer = track(await b.connect('joined-while-away'));
    expect(performance.now() - came).toBeLessThan(NO_DELAY_MS);

    await resume;
    const resumed = performance.now();
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const took = performance.now() - resumed;
    await reaches(b, 'traffic', near);
    await reaches(a, 'traffic', far);
    await reaches(a, 'joined-while-away', newcomer);
    traffic.stop();
    await untilHeardByAll(traffic, [nearEar, farEar]);
    report(
      `SIGSTOP: noticed after ${(Math.max(...noticed) - stopped).toFixed()} ms, ready ${took.toFixed()} ms after SIGCONT, ` +
        `local latency, p90, ${nearEar.usualDelayMs.toFixed(1)} ms`,
    );
    expect(nearEar.numbers).toHaveLength(traffic.sent);
    expect(nearEar.usualDelayMs).toBeLessThan(NO_DELAY_MS);
    expect(farEar.disorder()).toBeUndefined();
    expect(a.complaints).toHaveLength(2);
    expect(a.returns).toHaveLength(2);
    for (const instance of [a, b]) {
      expect(instance.statuses()).toEqual(['ready', 'degraded', 'ready']);
    }
  }, 40_000);

  it('CLIENT PAUSE of everything, for longer than the probe waits', async () => {
    const { redis, a, b, near, far } = await boot();
    const ear = new Ear(near);
    const traffic = track(new Traffic(a, 'traffic'));
    const paused = performance.now();
    const pauseMs = 6_500;
    await redis.cli('client', 'pause', pauseMs, 'all');
    const noticed = await Promise.all([a, b].map((instance) => instance.awaitStatus('degraded')));
    for (const at of noticed) expect(at - paused).toBeLessThan(SILENT_LOSS_BOUND_MS);
    const ready = await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    report(
      `CLIENT PAUSE: noticed after ${(Math.max(...noticed) - paused).toFixed()} ms, ` +
        `ready ${(Math.max(...ready) - paused - pauseMs).toFixed()} ms after its end`,
    );
    await reaches(a, 'traffic', far);
    await reaches(b, 'traffic', near);
    traffic.stop();
    await waitFor('the last message', () => ear.last === traffic.sent);
    expect(ear.usualDelayMs).toBeLessThan(NO_DELAY_MS);
    expect(a.complaints).toHaveLength(2);
    expect(a.returns).toHaveLength(2);
  }, 30_000);

  it('CLIENT PAUSE that ends before: nothing is lost, and nobody is told', async () => {
    const { redis, a, far } = await boot();
    const ear = new Ear(far);
    const traffic = track(new Traffic(a, 'traffic'));
    await redis.cli('client', 'pause', 1_000, 'all');
    await delay(1_200);
    traffic.stop();
    await waitFor('the last message', () => ear.last === traffic.sent);
    expect(ear.missing).toBe(0);
    expect(ear.disorder()).toBeUndefined();
    expect(a.complaints).toEqual([]);
  });
});
