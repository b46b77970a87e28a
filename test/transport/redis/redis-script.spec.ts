import { expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { FORGOTTEN, RedisScript } from '../../../lib/transport/redis/redis-script.js';
import { withCheck } from '../../../lib/transport/redis/scripts/check.js';
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

    it(`takes effect once a call, forgotten in the midst of them (${title})`, async () => {
      const client = await connect(options);
      const key = uniqueKey();
      const script = new RedisScript(client, PUSH);
      await script.run([key], [0]);
      const sent = runs(script, key, 1, 149);
      void client.script('FLUSH');
      sent.push(...runs(script, key, 150, 150));
      void client.script('FLUSH');
      void client.script('LOAD', withCheck(PUSH));
      sent.push(...runs(script, key, 300, 200));
      expect(new Set(await Promise.all(sent)).size).toBe(499);
      expect((await pushed(client, key)).sort((a, b) => a - b)).toEqual(upTo(500));
    });
  }

  it('says which call had no effect, where it is called once, and is sent again then', async () => {
    const client = await connect();
    const key = uniqueKey();
    const script = new RedisScript(client, PUSH);
    await script.call([key], [0]);
    await client.script('FLUSH');
    await client.config('RESETSTAT');
    const outcomes = await Promise.all([1, 2, 3].map((n) => script.call([key], [n])));
    expect(outcomes).toEqual([FORGOTTEN, FORGOTTEN, FORGOTTEN]);
    expect(await Promise.all([4, 5, 6].map((n) => script.call([key], [n])))).toEqual([2, 3, 4]);
    expect(await calls(client)).toEqual({ eval: 1, evalsha: 5 });
    expect(await pushed(client, key)).toEqual([0, 4, 5, 6]);
  });

  it('names the command that Redis refuses within it, and leaves out where that stands', async () => {
    const operator = await connect();
    await operator.call('ACL', 'SETUSER', 'pusher', 'on', '>secret', '+@all', '-rpush', '~*');
    const client = await connect({ username: 'pusher', password: 'secret' });
    const script = new RedisScript(client, `local key = KEYS[1]\n${PUSH}`);
    const refused = {
      name: 'ReplyError',
      message: expect.stringMatching(/run this command.* \(RPUSH\)$/),
    };
    await expect(script.run([uniqueKey()], [1])).rejects.toMatchObject(refused);
    await expect(script.run([uniqueKey()], [1])).rejects.not.toThrow(/user_script|script: /);
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
    expect(await pushed(client, key)).toHaveLength(sent.length + 1);
    client.disconnect();
  });

  it('takes effect once a call, while others empty the cache all the time', async () => {
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
    expect((await pushed(client, key)).sort((a, b) => a - b)).toEqual(upTo(5_000));
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
