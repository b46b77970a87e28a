import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, report } from './fixtures/instance.js';
import { Ear, Traffic, untilHeardByAll } from './fixtures/traffic.js';

const AWAY_MS = 1_500;

interface World {
  readonly redis: RedisServer;
  /** Between the second instance and Redis. */
  readonly proxy: TcpProxy;
}

interface Outage {
  readonly name: string;
  readonly begin: (world: World) => Promise<void> | void;
  readonly end: (world: World) => Promise<void> | void;
}

async function killClients({ redis }: World, type: string): Promise<void> {
  const client = new Redis(redis.url);
  await client.call('CLIENT', 'KILL', 'TYPE', type);
  client.disconnect();
}

const OUTAGES: readonly Outage[] = [
  {
    name: 'Redis is killed, and started again',
    begin: ({ redis }) => redis.kill(),
    end: ({ redis }) => redis.restart(),
  },
  {
    name: 'Redis is frozen',
    begin: ({ redis }) => redis.pause(),
    end: ({ redis }) => redis.resume(),
  },
  {
    name: 'the subscribers are cut',
    begin: (world) => killClients(world, 'pubsub'),
    end: () => {},
  },
  {
    name: 'all connections are cut',
    begin: async (world) => {
      await killClients(world, 'pubsub');
      await killClients(world, 'normal');
    },
    end: () => {},
  },
  {
    name: 'the second instance is cut off',
    begin: ({ proxy }) => {
      proxy.refuse();
      proxy.cut();
    },
    end: ({ proxy }) => proxy.acceptAgain(),
  },
  {
    name: 'the second instance hears nothing',
    begin: ({ proxy }) => proxy.stall('toClient'),
    end: ({ proxy }) => proxy.flow(),
  },
];

describeWithRedis(
  'Plain rooms of two instances lose nothing, double nothing and keep their order while',
  () => {
    guardProcess();
    const track = closeAfterEach();

    it.each(OUTAGES)(
      '$name',
      async ({ name, begin, end }) => {
        const redis = track(await RedisServer.start());
        track({ dispose: () => redis.resume() });
        const proxy = track(await TcpProxy.start(redis.port));
        const world = { redis, proxy };
        const log = new LogCapture();
        const eventKeys = ownKey();
        const a = track(await Instance.boot({ redis: redis.url, eventKeys }, log));
        const b = track(
          await Instance.boot({ redis: `redis://127.0.0.1:${proxy.port}`, eventKeys }, log),
        );
        await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
        const ears = {
          aFromA: new Ear(track(await a.connect('of a'))),
          bFromA: new Ear(track(await b.connect('of a'))),
          aFromB: new Ear(track(await a.connect('of b'))),
          bFromB: new Ear(track(await b.connect('of b'))),
        };
        const fromA = track(new Traffic(a, 'of a', 5));
        const fromB = track(new Traffic(b, 'of b', 5));
        await waitFor('traffic', () => Object.values(ears).every(({ last }) => last > 50));

        await begin(world);
        await delay(AWAY_MS);
        await end(world);
        const back = performance.now();
        await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
        await waitFor(
          'all of the outage',
          () => a.backplane.stats().liveWaiting + b.backplane.stats().liveWaiting === 0,
        );
        const marks = { a: fromA.sent, b: fromB.sent };
        await waitFor(
          'traffic',
          () => ears.bFromA.last > marks.a && ears.aFromB.last > marks.b,
          20_000,
        );
        const wholeMs = Math.round(performance.now() - back);
        fromA.stop();
        fromB.stop();
        await untilHeardByAll(fromA, [ears.aFromA, ears.bFromA]);
        await untilHeardByAll(fromB, [ears.aFromB, ears.bFromB]);
        report(
          `${name}: ${ears.bFromA.missing} of ${fromA.sent} and ${ears.aFromB.missing} of ${fromB.sent} lost; whole after ${wholeMs} ms`,
        );
        for (const ear of Object.values(ears)) {
          expect(ear.disorder()).toBeUndefined();
          expect(ear.missing).toBe(0);
        }
        for (const { backplane } of [a, b])
          expect(backplane.stats()).toMatchObject({ unsent: 0, lostBroadcasts: 0, liveHeld: 0 });
      },
      60_000,
    );
  },
);
