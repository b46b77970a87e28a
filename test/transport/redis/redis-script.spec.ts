import { expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { OvertakenError, RedisScript } from '../../../lib/transport/redis/redis-script.js';
import { describeOnRedis, uniqueKey } from '../../integration/fixtures/backends.js';
import { closeAfterEach } from '../../support/cleanup.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { nextTurn, waitFor } from '../../support/wait-for.js';

const PUSH = `return redis.call('RPUSH', KEYS[1], ARGV[1])`;

describeOnRedis('A script in Redis', (redis) => {
  const track = closeAfterEach();
  const connect = async (options = {}): Promise<Redis> => {
    const client = redis.server.client(options);
    await waitFor('the client', () => client.status === 'ready');
    return client;
  };
  /** Runs it so often, at once, with the numbers from `first` on. */
  const runs = (script: RedisScript, key: string, first: number, count: number) =>
    Array.from({ length: count }, (_, i) => script.run([key], [first + i]));
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
  const pushed = async (client: Redis, key: string) =>
    (await client.lrange(key, 0, -1)).map(Number);
  const calls = async (client: Redis) => {
    const stats = await client.info('commandstats');
    const of = (name: string) =>
      Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
    return { eval: of('eval'), evalsha: of('evalsha') };
  };

  for (const [title, options] of [
    ['a client', {}],
    ['a client that pipelines by itself', { enableAutoPipelining: true }],
  ] as const) {
    it(`is sent once per connection, and then called by its hash (${title})`, async () => {
      const client = await connect(options);
      await client.script('FLUSH');
      await client.config('RESETSTAT');
      const key = uniqueKey();
      const script = new RedisScript(client, PUSH);
      await Promise.all(runs(script, key, 0, 100));
      expect(await calls(client)).toEqual({ eval: 1, evalsha: 99 });
      const closed = new Promise((resolve) => client.once('close', resolve));
      client.disconnect(true);
      await closed;
      await waitFor('the client', () => client.status === 'ready');
      await client.script('FLUSH');
      await client.config('RESETSTAT');
      await Promise.all(runs(script, key, 100, 100));
      expect(await calls(client)).toEqual({ eval: 1, evalsha: 99 });
      expect(await pushed(client, key)).toEqual(upTo(200));
    });

    it(`takes effect in the order of the calls, forgotten in the midst of them (${title})`, async () => {
      const client = await connect(options);
      const key = uniqueKey();
      const script = new RedisScript(client, PUSH);
      await script.run([key], [0]);
      const sent = runs(script, key, 1, 99);
      if (options.enableAutoPipelining) await sent[98];
      sent.push(...runs(script, key, 100, 50));
      void client.script('FLUSH');
      sent.push(...runs(script, key, 150, 150));
      // Those that come while it is found out, and after that, must not get ahead.
      await sent[50];
      sent.push(...runs(script, key, 300, 100));
      await Promise.race(sent.slice(150));
      sent.push(...runs(script, key, 400, 100));
      expect(await Promise.all(sent)).toEqual(
        upTo(500)
          .slice(1)
          .map((i) => i + 1),
      );
      expect(await pushed(client, key)).toEqual(upTo(500));
    });
  }

  it('is refused where it could only take effect after a later call', async () => {
    const client = await connect();
    const key = uniqueKey();
    const script = new RedisScript(client, PUSH);
    const before = runs(script, key, 0, 10);
    void client.script('FLUSH');
    const forgotten = runs(script, key, 10, 10);
    void client.script('LOAD', PUSH);
    const after = runs(script, key, 20, 10);
    const outcomes = await Promise.allSettled([...before, ...forgotten, ...after]);
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(
      upTo(30).map((i) => i < 10 || i >= 20),
    );
    await expect(forgotten[0]).rejects.toThrow(OvertakenError);
    await Promise.all(runs(script, key, 30, 10));
    expect(await pushed(client, key)).toEqual(upTo(40).filter((i) => i < 10 || i >= 20));
  });

  it('is learned again although calls never cease', async () => {
    const proxy = track(await TcpProxy.start(redis.server.port));
    const client = await connect({ port: proxy.port });
    const key = uniqueKey();
    const script = new RedisScript(client, PUSH);
    await script.run([key], [0]);
    // So that answers take longer than a turn, and there is always a call under way.
    proxy.delay(5);
    void client.script('FLUSH');
    const sent = runs(script, key, 1, 1);
    const learned = new AbortController();
    void sent[0]!.then(() => learned.abort());
    while (!learned.signal.aborted && sent.length < 20_000) {
      sent.push(...runs(script, key, sent.length + 1, 1));
      await nextTurn();
    }
    expect(learned.signal.aborted).toBe(true);
    await Promise.all(sent);
    expect(await pushed(client, key)).toEqual(upTo(sent.length + 1));
    client.disconnect();
  });

  it('keeps its order while others empty the cache all the time', async () => {
    const [client, other] = [await connect(), await connect()];
    const key = uniqueKey();
    const script = new RedisScript(client, PUSH);
    let flushes = 0;
    const flush = async (until: AbortSignal) => {
      for (; !until.aborted; flushes++) await other.script('FLUSH');
    };
    const end = new AbortController();
    const flushing = flush(end.signal);
    for (let round = 0; round < 50; round++) {
      await Promise.all(runs(script, key, round * 100, 100));
    }
    end.abort();
    await flushing;
    expect(flushes).toBeGreaterThan(50);
    expect(await pushed(client, key)).toEqual(upTo(5_000));
  });

  it('rejects what Redis says, and what ioredis says of a connection that is lost', async () => {
    const client = await connect({ retryStrategy: () => null, maxRetriesPerRequest: 0 });
    const key = uniqueKey();
    const script = new RedisScript(client, PUSH);
    await client.set(key, 'not a list');
    await expect(script.run([key], [1])).rejects.toThrow('WRONGTYPE');
    await client.script('FLUSH');
    const forgotten = runs(script, key, 0, 10);
    client.disconnect();
    for (const call of forgotten) await expect(call).rejects.toThrow('Connection is closed');
    await expect(script.run([key], [1])).rejects.toThrow('Connection is closed');
  });
});
