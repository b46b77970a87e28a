import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RedisSource } from '../../lib/transport/redis/redis-source.js';
import { RedisTransport } from '../../lib/transport/redis/redis.transport.js';
import { describeOnRedis } from '../integration/fixtures/backends.js';
import { sourceOf } from '../support/redis-source.js';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { describeTransport } from './conformance.js';
import { Recorder } from './recorder.js';

type Maker = (server: RedisServer) => { source: RedisSource; end?: () => unknown };

/** The second is an option of ioredis 6. */
const OBJECTS_FOR_MAPS = { stringNumbers: true, replyMapping: 'resp3' as const };

const MAKERS: Record<string, Maker> = {
  'a URL': (server) => ({ source: sourceOf(server.url) }),
  'ioredis options with a keyPrefix': ({ host, port, password }) => ({
    source: { kind: 'options', options: { host, port, password, keyPrefix: 'app:*:' } },
  }),
  "the app's client": (server) => given(new Redis(server.url)),
  "the app's client with options of its own, not connected yet": (server) =>
    given(
      new Redis(server.url, {
        lazyConnect: true,
        keyPrefix: 'app:*:',
        enableAutoPipelining: true,
        enableOfflineQueue: false,
        commandTimeout: 10_000,
      }),
    ),
  "the app's client, whose numbers are strings and whose maps are objects": (server) =>
    given(new Redis(server.url, OBJECTS_FOR_MAPS)),
};

function given(client: Redis): ReturnType<Maker> {
  const end = () => (client.status === 'ready' ? client.quit() : client.disconnect());
  return { source: { kind: 'client', client }, end };
}

for (const [title, make] of Object.entries(MAKERS)) {
  describeWithRedis(`Given ${title},`, () => {
    describeTransport('RedisTransport', async () => {
      const server = await RedisServer.start({ password: 'a b:c@d/é' });
      const made: ReturnType<Maker>[] = [];
      return {
        make: () => {
          const one = make(server);
          made.push(one);
          return new RedisTransport(one.source);
        },
        stop: async () => {
          await Promise.all(made.map(({ end }) => end?.()));
          await server.stop();
        },
      };
    });
  });
}

describeOnRedis('RedisTransport', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  const listenersOf = (client: Redis) =>
    Object.fromEntries(
      client.eventNames().map((event) => [String(event), client.listenerCount(event)]),
    );

  describe("leaves the app's client", () => {
    it('open, in use, and without a listener of ours', async () => {
      const client = redis.server.client();
      await client.ping();
      const before = listenersOf(client);
      const recorder = new Recorder(new RedisTransport({ kind: 'client', client: client }));
      await recorder.start();
      await recorder.transport.subscribe(['c']);
      await recorder.transport.publish('c', Buffer.from('1'));
      await recorder.count(1);
      await recorder.transport.close();
      expect(listenersOf(client)).toEqual(before);
      expect(client.status).toBe('ready');
      await client.set('key', 'value');
      expect(await client.get('key')).toBe('value');
    });

    it('open when it restarts, too: only the subscriber is made anew', async () => {
      const client = redis.server.client();
      await client.ping();
      let closed = 0;
      client.on('close', () => closed++);
      const recorder = track(new Recorder(new RedisTransport({ kind: 'client', client: client })));
      await recorder.start();
      recorder.transport.restart();
      await waitFor('up', () => recorder.ups.length === 2);
      expect(closed).toBe(0);
    });

    it('as it was, when it was never started', async () => {
      const client = redis.server.client({ lazyConnect: true });
      const before = listenersOf(client);
      await new RedisTransport({ kind: 'client', client: client }).close();
      expect(listenersOf(client)).toEqual(before);
      expect(client.status).toBe('wait');
    });
  });

  it('puts the keyPrefix in front of channels, as for keys, and takes it off again', async () => {
    const client = redis.server.client({ keyPrefix: 'shop:' });
    const other = track(
      new Recorder(new RedisTransport({ kind: 'client', client: redis.server.client() })),
    );
    const ours = track(new Recorder(new RedisTransport({ kind: 'client', client: client })));
    await other.start();
    await ours.start();
    await ours.transport.subscribe(['prefixed']);
    await other.transport.subscribe(['prefixed', 'shop:prefixed']);
    const channels = await redis.server.cli('pubsub', 'numsub', 'prefixed', 'shop:prefixed');
    expect(channels).toEqual(['prefixed', 1, 'shop:prefixed', 2]);
    await ours.transport.publish('prefixed', Buffer.from('1'));
    await Promise.all([ours.count(1), other.count(1)]);
    expect(ours.texts).toEqual(['prefixed 1']);
    expect(other.texts).toEqual(['shop:prefixed 1']);
  });

  it('subscribes to many channels some at a time, so that Redis serves others between', async () => {
    const client = redis.server.client();
    const subscriber = client.duplicate({ lazyConnect: true });
    const subscribe = subscriber.subscribe.bind(subscriber) as (
      ...names: string[]
    ) => Promise<unknown>;
    let inFlight = 0;
    const seen = { inFlight: 0, names: 0 };
    Object.assign(subscriber, {
      subscribe: async (...names: string[]) => {
        seen.inFlight = Math.max(seen.inFlight, ++inFlight);
        seen.names = Math.max(seen.names, names.length);
        await subscribe(...names);
        inFlight--;
      },
    });
    Object.assign(client, { duplicate: () => subscriber });
    const transport = new RedisTransport({ kind: 'client', client });
    const recorder = track(new Recorder(transport));
    await recorder.start();
    const channels = Array.from({ length: 5_000 }, (_, i) => `many-${i}`);
    await transport.subscribe(channels);
    expect(seen).toEqual({ inFlight: 2, names: 512 });
    await transport.publish(channels.at(-1)!, Buffer.from('heard'));
    await recorder.count(1);
  });

  it('opens two connections, and leaves none', async () => {
    const options = { host: redis.server.host, port: redis.server.port, connectionName: 'counted' };
    const count = async () =>
      String(await redis.server.cli('client', 'list')).match(/name=counted/g)?.length ?? 0;
    const recorder = new Recorder(new RedisTransport({ kind: 'options', options }));
    await recorder.start();
    expect(await count()).toBe(2);
    await recorder.transport.close();
    await waitFor('Redis to see them go', async () => (await count()) === 0);
  });

  it('never sends a message a second time, and says so', () => {
    const { url } = redis.server;
    const transports = [
      new RedisTransport(sourceOf(url)),
      new RedisTransport({ kind: 'client', client: redis.server.client() }),
      new RedisTransport({
        kind: 'client',
        client: redis.server.client({ autoResendUnfulfilledCommands: false }),
      }),
    ].map((transport) => track(new Recorder(transport)).transport);
    // A client of the app's may resend, as ioredis does by default.
    expect(transports.map(({ mayRepeat }) => mayRepeat)).toEqual([false, true, false]);
  });
});
