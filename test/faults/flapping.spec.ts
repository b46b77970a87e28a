import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches, report } from './fixtures/instance.js';
import { Ear, Traffic, untilHeardByAll } from './fixtures/traffic.js';

const FLAPPING_MS = 6_000;
const SEED = 20_240_613;

/** The same numbers, from 0 to 1, in each run. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describeWithRedis('A link that flaps', () => {
  guardProcess();
  const track = closeAfterEach();

  it('ends ready, with nothing piled up and one warning an outage', async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    const eventKeys = ownKey();
    const own = new Redis(proxy.port, '127.0.0.1');
    own.on('error', () => {});
    track({
      dispose: async () => {
        own.disconnect();
        if (own.status !== 'end') await new Promise((resolve) => own.once('end', resolve));
      },
    });
    // Two that flap: one on connections of its own, one on a client of the app's. One that does
    // not.
    const a = track(await Instance.boot({ redis: `redis://127.0.0.1:${proxy.port}`, eventKeys }));
    const b = track(await Instance.boot({ redis: own, eventKeys }, a.log));
    const c = track(await Instance.boot({ redis: redis.url, eventKeys }, a.log));
    await Promise.all([a, b, c].map((instance) => instance.awaitStatus('ready')));
    const [near, mid, far] = [
      track(await a.connect('traffic')),
      track(await b.connect('traffic')),
      track(await c.connect('traffic')),
    ];
    const ears = [near, mid, far].map((client) => new Ear(client));
    const traffic = track(new Traffic(a, 'traffic', 5));
    const counts = () =>
      own
        .eventNames()
        .map((event) => `${String(event)} ${own.listenerCount(event)}`)
        .toSorted((x, y) => x.localeCompare(y))
        .join();
    await waitFor('traffic', () => ears[2]!.last > 20);
    const listeners = counts();
    const connections = proxy.connections;

    const random = seeded(SEED);
    const end = performance.now() + FLAPPING_MS;
    let cuts = 0;
    const fickle: string[] = [];
    while (performance.now() < end) {
      await delay(100 + random() * 400);
      proxy.cut();
      cuts++;
      // And clients come and go meanwhile.
      const room = `room ${cuts}`;
      await near.request('join', [room]);
      if (cuts % 2) fickle.push(room);
      else await near.request('leave', [room]);
    }
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const back = traffic.sent;
    await reaches(c, 'traffic', near);
    await reaches(c, 'traffic', mid);
    for (const room of fickle) await reaches(c, room, near);
    await waitFor('traffic', () => ears.every((ear) => ear.last > back));
    traffic.stop();
    await untilHeardByAll(traffic, ears);

    const outages = [a, b].map(
      (instance) => instance.statuses().filter((status) => status === 'degraded').length,
    );
    report(
      `flapping: ${cuts} cuts, outages ${outages.join(' and ')}, ${ears[2]!.missing} of ${traffic.sent} missed`,
    );
    expect(c.statuses()).toEqual(['ready']);
    expect(ears[0]!.numbers).toHaveLength(traffic.sent);
    for (const ear of ears) expect(ear.disorder()).toBeUndefined();
    expect(a.complaints).toHaveLength(outages[0]! + outages[1]!);
    expect(a.returns).toHaveLength(outages[0]! + outages[1]!);
    await waitFor('no connection more than before', () => proxy.connections === connections);
    await waitFor('no listener more than before', () => counts() === listeners);
    await waitFor('the rooms that were left to be given up', async () => {
      const channels = (await redis.cli('pubsub', 'channels', '*:room:*:room *')) as string[];
      return channels.length === fickle.length;
    });
  }, 40_000);
});
