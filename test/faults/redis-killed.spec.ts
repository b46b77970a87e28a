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

const COMMAND_TIMEOUT_MS = 2_000;
/** Generous: the machine may be busy. What is meant is that nothing waits for Redis. */
const NO_DELAY_MS = 1_000;

describeWithRedis('Redis killed under traffic, and started again with empty memory', () => {
  guardProcess();
  const track = closeAfterEach();

  it.each([
    { outageMs: 30_000, commandTimeoutMs: undefined },
    { outageMs: 1_500, commandTimeoutMs: 300 },
  ])(
    'for $outageMs ms',
    async ({ outageMs, commandTimeoutMs }) => {
      const redis = track(await RedisServer.start());
      const log = new LogCapture();
      const options = { redis: redis.url, eventKeys: ownKey(), commandTimeoutMs };
      const a = track(await Instance.boot(options, log));
      const b = track(await Instance.boot(options, log));
      await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
      const near = track(await a.connect('traffic'));
      const far = track(await b.connect('traffic', 'left-while-away'));
      const [nearEar, farEar] = [new Ear(near), new Ear(far)];
      const traffic = track(new Traffic(a, 'traffic'));
      await waitFor('traffic', () => farEar.last >= 20);
      expect(a.backplane.stats().unsent).toBe(0);

      const killed = performance.now();
      await redis.kill();
      for (const instance of [a, b]) {
        expect((await instance.awaitStatus('degraded')) - killed).toBeLessThan(1_000);
      }

      for (let i = 0; i < 3; i++) {
        const asked = performance.now();
        const error = await a.server
          .to('traffic')
          .publish('lost')
          .catch((reason: Error) => reason);
        expect(error).toBeInstanceOf(BackplaneUnavailableError);
        expect((error as Error).message).not.toMatch(/enableOfflineQueue|maxRetriesPerRequest/);
        expect(performance.now() - asked).toBeLessThan(
          (commandTimeoutMs ?? COMMAND_TIMEOUT_MS) + 500,
        );
      }

      // Clients come, enter and leave as ever.
      const came = performance.now();
      const newcomer = track(await b.connect('joined-while-away', 'traffic'));
      await far.request('leave', ['left-while-away']);
      expect(performance.now() - came).toBeLessThan(NO_DELAY_MS);
      b.server.to('joined-while-away').emit('here');
      await newcomer.nextEvent('here');
      b.server.to('left-while-away').emit('nobody');

      const before = traffic.sent;
      await delay(killed + outageMs - performance.now());
      const during = traffic.sent - before;
      expect(during).toBeGreaterThan(10);
      expect([a.backplane.status, b.backplane.status]).toEqual(['degraded', 'degraded']);
      expect(nearEar.last).toBeGreaterThanOrEqual(traffic.sent - 3);

      await redis.restart();
      const started = performance.now();
      await b.awaitStatus('ready');
      const channels = (await redis.cli('pubsub', 'channels')) as string[];
      await a.awaitStatus('ready');
      const back = traffic.sent;
      report(`ready ${(performance.now() - started).toFixed()} ms after Redis answered again`);
      for (const room of ['traffic', 'joined-while-away']) {
        expect(channels.filter((name) => name.endsWith(`:${room}`))).toHaveLength(1);
      }
      expect(channels.filter((name) => name.endsWith('left-while-away'))).toEqual([]);

      // All is delivered again, without the app doing anything.
      await reaches(a, 'joined-while-away', newcomer);
      await reaches(a, 'traffic', far);
      await reaches(b, 'traffic', near);
      await waitFor('traffic to flow', () => farEar.last > back + 20);
      traffic.stop();
      await untilHeardByAll(traffic, [nearEar, farEar]);

      expect(traffic.thrown).toEqual([]);
      expect(farEar.disorder()).toBeUndefined();
      expect(nearEar.disorder()).toBeUndefined();
      expect(nearEar.numbers).toHaveLength(traffic.sent);
      expect(nearEar.usualDelayMs).toBeLessThan(NO_DELAY_MS);
      // What was too old when Redis came back is missed, and counted; nothing else is.
      const { unsent, lostBroadcasts } = a.backplane.stats();
      expect(lostBroadcasts).toBe(0);
      expect(farEar.missing).toBeGreaterThanOrEqual(unsent);
      expect(farEar.missing).toBeLessThanOrEqual(unsent + b.backplane.stats().lostBroadcasts);
      if (outageMs < 10_000) expect(unsent).toBe(0);
      else expect(unsent).toBeLessThan(during);
      report(
        `${outageMs} ms without Redis: ${traffic.sent} sent, local latency, p90, ${nearEar.usualDelayMs.toFixed(1)} ms, ` +
          `${unsent} counted as unsent, ${farEar.missing} missed by the other instance`,
      );

      // One line of each instance when it went, one when it came back.
      expect(a.complaints.filter((line) => !line.includes('"liveWindowMs"'))).toEqual([
        expect.stringContaining('warn: The link to the other instances is lost'),
        expect.stringContaining('warn: The link to the other instances is lost'),
      ]);
      expect(a.returns).toHaveLength(2);
      const told = a.returns.map((line) => {
        const [, seconds, missed] = /back after ([\d.]+) s: .*?(\d+) messages/.exec(line)!;
        expect(Number(seconds) * 1_000).toBeGreaterThan(outageMs - 500);
        expect(Number(seconds) * 1_000).toBeLessThan(outageMs + 10_000);
        return Number(missed);
      });
      // What was given up before the link was back; the rest of it was then.
      expect(Math.max(...told)).toBeLessThanOrEqual(unsent);
      for (const instance of [a, b]) {
        expect(instance.statuses()).toEqual(['ready', 'degraded', 'ready']);
      }
    },
    60_000,
  );
});
