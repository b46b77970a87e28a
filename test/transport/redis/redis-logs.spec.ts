import { afterEach, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { BackplaneRefusedError } from '../../../lib/errors/backplane-refused.error.js';
import { isSameBeginning } from '../../../lib/transport/log-epoch.js';
import type { Appended } from '../../../lib/transport/logs.js';
import type { RedisSource } from '../../../lib/transport/redis/redis-source.js';
import { RedisTransport } from '../../../lib/transport/redis/redis.transport.js';
import { describeOnRedis, uniqueKey } from '../../integration/fixtures/backends.js';
import { sourceOf } from '../../support/redis-source.js';
import { closeAfterEach } from '../../support/cleanup.js';
import { guardProcess } from '../../support/process-guard.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { waitFor } from '../../support/wait-for.js';
import { append, entriesOf, LIMITS, publishedTo, textsOf } from '../log-conformance.js';
import { Recorder } from '../recorder.js';

describeOnRedis('The logs of Redis', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  const start = async (source?: RedisSource): Promise<Recorder> => {
    const transport = new RedisTransport(source ?? sourceOf(redis.server.url));
    const recorder = track(new Recorder(transport));
    expect(await recorder.start()).toBe(true);
    return recorder;
  };
  const given = (client: Redis): RedisSource => ({ kind: 'client', client });
  /** The error that each kind of call rejects with. */
  const errors = async ({ transport }: Recorder, channel: string) => {
    const asked = [
      append(transport, channel, 'a'),
      transport.logs.tops([channel], LIMITS),
      transport.logs.read(channel, { limit: 1 }, LIMITS),
    ];
    const outcomes = await Promise.allSettled(asked);
    return outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason as Error);
  };

  it('are kept under three kinds of keys, in the slot of their channel, and one for all of an event key', async () => {
    const { transport } = await start();
    const eventKey = uniqueKey();
    const channel = `{${eventKey}}:room:/chat:{x}`;
    await append(transport, channel, 'a', { id: 'né' });
    await transport.logs.tops([`{${eventKey}}:all:/chat`], LIMITS);
    const keys = (await redis.server.cli('keys', `*${eventKey}*`)) as string[];
    expect(keys.sort()).toEqual([
      `log:${channel}`,
      `once:${channel}:né:3`,
      `top:{${eventKey}}:all:/chat`,
      `top:${channel}`,
      `{${eventKey}}:data`,
    ]);
    expect(await redis.server.cli('pttl', `{${eventKey}}:data`)).toBeGreaterThan(86_400_000);
  });

  it('have the keyPrefix before keys and channels, once, whoever made the client', async () => {
    const ours = await start({
      kind: 'options',
      options: { host: redis.server.host, port: redis.server.port, keyPrefix: 'shop:' },
    });
    const theirs = await start(given(redis.server.client({ keyPrefix: 'shop:' })));
    const channel = uniqueKey();
    await theirs.transport.subscribe([channel]);
    await append(ours.transport, channel, 'a', { id: 'id' });
    const again = await append(theirs.transport, channel, 'a', { id: 'id' });
    expect(again.duplicate).toBe(true);
    await theirs.count(1);
    expect((await theirs.transport.logs.tops([channel], LIMITS))[0]).toMatchObject({ offset: 1 });
    const keys = (await redis.server.cli('keys', `*${channel}*`)) as string[];
    expect(keys.sort()).toEqual([
      `shop:log:${channel}`,
      `shop:once:${channel}:id:2`,
      `shop:${channel}:data`,
      `shop:top:${channel}`,
    ]);
  });

  it('keep their order when Redis forgets the scripts in the midst of 2,000 appends', async () => {
    const client = redis.server.client();
    const [from, to] = [await start(given(client)), await start()];
    const channel = uniqueKey();
    await to.transport.subscribe([channel]);
    const sent: Promise<Appended>[] = [];
    for (let i = 0; i < 2_000; i++) {
      if (i % 500 === 250) void client.script('FLUSH');
      sent.push(append(from.transport, channel, String(i)));
    }
    const results = await Promise.all(sent);
    expect(results.every(({ offset }, i) => offset === i + 1)).toBe(true);
    await to.count(2_000);
    expect(textsOf(publishedTo(to)).join()).toBe(results.map((_, i) => i).join());
  });

  it('have each message once, in spite of connections that are lost with answers on them', async () => {
    const proxy = track(await TcpProxy.start(redis.server.port));
    const [from, to] = [await start(sourceOf(`redis://127.0.0.1:${proxy.port}`)), await start()];
    const channel = uniqueKey();
    await to.transport.subscribe([channel]);
    const limits = { size: 1_000 };
    const send = (i: number) =>
      append(from.transport, channel, String(i), { id: `message ${i}`, limits });
    const left = new Set(Array.from({ length: 1_000 }, (_, i) => i));
    const attempt = async () => {
      await Promise.all(
        [...left].map((i) =>
          send(i).then(
            () => left.delete(i),
            () => {},
          ),
        ),
      );
      return left.size === 0;
    };
    // Redis appends, and its answers get lost.
    proxy.stall('toClient');
    const lost = attempt();
    await to.count(1_000);
    proxy.cut();
    proxy.flow('toClient');
    await lost;
    expect(left.size).toBe(1_000);

    await waitFor('all to be known as appended', attempt, 30_000);
    const entries = await entriesOf(to.transport, channel);
    expect(textsOf(entries)).toEqual(Array.from({ length: 1_000 }, (_, i) => String(i)));
    expect(to.messages).toHaveLength(1_000);
  });

  it('have each message once, in spite of CLIENT KILL in the midst of them', async () => {
    const [from, to] = [await start(), await start()];
    const operator = redis.server.client();
    const channel = uniqueKey();
    await to.transport.subscribe([channel]);
    const limits = { size: 3_000 };
    let unanswered = 0;
    const send = async (i: number): Promise<void> => {
      const attempt = () =>
        append(from.transport, channel, String(i), { id: `message ${i}`, limits });
      await attempt().catch(async () => {
        unanswered++;
        await waitFor('Redis to be there again', attempt, 30_000);
      });
    };
    for (let round = 0; round < 5; round++) {
      const sent = Array.from({ length: 600 }, (_, i) => send(round * 600 + i));
      if (round % 2 === 0) await sent[0];
      await operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await Promise.all(sent);
    }
    expect(unanswered).toBeGreaterThan(0);
    await to.count(3_000);
    const heard = textsOf(publishedTo(to));
    expect(new Set(heard).size).toBe(3_000);
    expect(heard).toHaveLength(3_000);
    // Its connection for commands was killed as well.
    const entries = await waitFor(
      'the log to be readable again',
      () => entriesOf(to.transport, channel, 3_000),
      30_000,
    );
    expect(textsOf(entries)).toEqual(heard);
  });

  it('have another beginning once Redis has lost its data', async () => {
    const { logs } = (await start()).transport;
    const [one, other] = ['a', 'b'].map((room) => `{${uniqueKey()}}:${room}`) as [string, string];
    const glance = async () => (await logs.read(one, { limit: 1 }, LIMITS)).top.epoch;
    const look = async () => (await logs.tops([other], LIMITS))[0]!.epoch;
    await logs.prepare([one, other]);
    const before = [await glance(), await look()];
    await redis.server.cli('flushall');
    const after = [await glance(), await look()];
    for (const [i, epoch] of before.entries())
      expect(isSameBeginning(epoch, after[i]!)).toBe(false);
  });

  it('name their server, and another after it began anew', async () => {
    const recorder = await start();
    const { logs } = recorder.transport;
    const replicationId = await logs.replicationId();
    expect(replicationId).toMatch(/^[0-9a-f]{40}:[0-9a-f]{40}$/);
    expect(await logs.replicationId()).toBe(replicationId);
    await redis.server.restart();
    await waitFor('the link', () => recorder.ups.length === 2);
    expect(await logs.replicationId()).not.toBe(replicationId);
  });

  it('are refused when Redis is full, and go on when it is not', async () => {
    const recorder = await start();
    const channel = uniqueKey();
    await append(recorder.transport, channel, 'a');
    const operator = redis.server.client();
    await operator.config('SET', 'maxmemory', '1');
    try {
      const error = await append(recorder.transport, channel, 'b').catch(
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(BackplaneRefusedError);
      expect(String(error)).toMatch(/refused to append the message: OOM .* until that is fixed\.$/);
      await expect(append(recorder.transport, uniqueKey(), 'b')).rejects.toThrow('OOM');
      const { entries, top } = await recorder.transport.logs.read(channel, { limit: 9 }, LIMITS);
      expect({ texts: textsOf(entries), offset: top.offset }).toEqual({ texts: ['a'], offset: 1 });
    } finally {
      await operator.config('SET', 'maxmemory', '0');
    }
    expect(await append(recorder.transport, channel, 'b')).toMatchObject({ offset: 2 });
  });

  it('are refused where a key is of another type, or the user has no right', async () => {
    const recorder = await start();
    const channel = uniqueKey();
    await redis.server.cli('set', `top:${channel}`, 'a string');
    for (const error of await errors(recorder, channel)) {
      expect(error).toBeInstanceOf(BackplaneRefusedError);
      expect(error.message).toMatch(/WRONGTYPE/);
    }
    const operator = redis.server.client();
    await operator.call('ACL', 'SETUSER', 'default', '-@scripting');
    try {
      for (const error of await errors(recorder, uniqueKey())) {
        expect(error).toBeInstanceOf(BackplaneRefusedError);
        expect(error.message).toMatch(/NOPERM/);
      }
    } finally {
      await operator.call('ACL', 'SETUSER', 'default', '+@all');
    }
  });

  it('are unavailable while Redis is away, at once, and may be tried again', async () => {
    const recorder = await start();
    await redis.server.kill();
    await waitFor('the link to be down', () => recorder.downs.length > 0);
    const failed = await errors(recorder, uniqueKey());
    for (const error of failed) {
      expect(error).not.toBeInstanceOf(BackplaneRefusedError);
      expect(error).toMatchObject({ code: 'BACKPLANE_UNAVAILABLE' });
    }
    expect(failed.map(({ message }) => /Try again when .*/.exec(message)?.[0])).toEqual([
      'Try again when it is back, with the same id.',
      'Try again when it is back.',
      'Try again when it is back.',
    ]);
    await expect(recorder.transport.logs.replicationId()).rejects.toThrow(/which server it is/);
    await redis.server.restart();
    await waitFor('the link', () => recorder.ups.length === 2);
    expect(await append(recorder.transport, uniqueKey(), 'a')).toMatchObject({ offset: 1 });
  });

  it('wait for a Redis that answers nothing no longer than answers may take, and go on when it is back', async () => {
    const recorder = await start();
    const channel = uniqueKey();
    redis.server.pause();
    const megabyte = Buffer.alloc(1024 * 1024);
    // No more than about a megabyte is under way at a time.
    const inFlight = append(recorder.transport, channel, megabyte);
    const waiting = Array.from({ length: 15 }, () => append(recorder.transport, channel, megabyte));
    try {
      for (const outcome of await Promise.allSettled(waiting))
        expect(String((outcome as PromiseRejectedResult).reason)).toMatch(/not answered for/);
    } finally {
      redis.server.resume();
    }
    expect(await inFlight).toMatchObject({ offset: 1 });
    expect(await append(recorder.transport, channel, 'x')).toMatchObject({ offset: 2 });
  });

  afterEach(() => redis.server.cli('replicaof', 'no', 'one'));

  it('are unavailable on a replica, make the connections anew, and are back when it is promoted', async () => {
    const recorder = await start();
    const channel = uniqueKey();
    await append(recorder.transport, channel, 'a');
    await redis.server.cli('config', 'set', 'replica-serve-stale-data', 'yes');
    await redis.server.cli('replicaof', '127.0.0.1', '1');
    const [error] = await errors(recorder, channel);
    expect(error).not.toBeInstanceOf(BackplaneRefusedError);
    expect(error!.message).toMatch(/READONLY/);
    await waitFor('the new connections to be looked at', () =>
      recorder.downs.some((reason) => reason.includes('the server is a replica')),
    );
    await expect(append(recorder.transport, channel, 'b')).rejects.toThrow('is a replica');
    expect(recorder.ups).toHaveLength(1);
    await redis.server.cli('replicaof', 'no', 'one');
    await waitFor('the link', () => recorder.ups.length === 2);
    expect(await append(recorder.transport, channel, 'b')).toMatchObject({ offset: 2 });
  });

  it('read past what somebody else has put into a log', async () => {
    const { transport } = await start();
    const channel = uniqueKey();
    await append(transport, channel, 'a');
    await redis.server.cli('xadd', `log:${channel}`, '1-1', 'x', 'not an entry');
    await append(transport, channel, 'b');
    expect(textsOf(await entriesOf(transport, channel))).toEqual(['a', 'b']);
  });
});
