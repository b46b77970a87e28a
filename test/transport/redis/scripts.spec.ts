import { beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { decodeLogEntry } from '../../../lib/transport/log-entry.js';
import { epochOf, HALF_DAY_MS } from '../../../lib/transport/log-epoch.js';
import { LOG_APPEND } from '../../../lib/transport/redis/scripts/log-append.js';
import { LOG_READ } from '../../../lib/transport/redis/scripts/log-read.js';
import { LOG_TOPS } from '../../../lib/transport/redis/scripts/log-tops.js';
import { describeOnRedis, uniqueKey } from '../../integration/fixtures/backends.js';
import { waitFor, waitForEvent } from '../../support/wait-for.js';

const LONG_MS = 600_000;
const SHORT_MS = 60_000;
/** The epoch of a log that began with that name, as the first that names the data. */
const begun = (name: string) => epochOf(name.slice(0, 3), Date.now(), name);

describeOnRedis('In Redis,', (redis) => {
  let client: Redis;
  let log: string;
  let meta: string;
  let once: string;
  let data: string;

  beforeEach(() => {
    client ??= redis.server.client();
    log = uniqueKey();
    meta = `${log}:meta`;
    once = `${log}:once`;
    data = `${log}:data`;
  });

  const append = async (
    bytes: string | Buffer,
    {
      epoch = 'epoch--1',
      tag = 'tag----1',
      size = 3,
      ttlMs = LONG_MS,
      metaTtlMs = LONG_MS,
      onceTtlMs = LONG_MS,
    } = {},
  ) => {
    const keys = [log, meta, once, data];
    const args = [log, 'PUBLISH', epoch, tag, size, ttlMs, metaTtlMs, onceTtlMs, bytes, 'sender-1'];
    const answer = await client.eval(LOG_APPEND, keys.length, ...keys, ...args);
    await client.rename(once, `${log}:once:${String(bytes)}`);
    return answer;
  };
  const tops = (epoch: string, metaTtlMs = LONG_MS) =>
    client.eval(LOG_TOPS, 3, data, log, meta, metaTtlMs, SHORT_MS, epoch);
  const look = async (
    how: 'follow' | 'glance',
    range: (string | number)[],
    limit = 100,
    bytes = 1_000_000,
  ) => {
    const keys = [3, log, meta, data];
    const args = [...keys, how, LONG_MS, SHORT_MS, 'other--2', ...range, limit, bytes];
    const [epoch, offset, , ...frames] = (await client.callBuffer(
      'eval',
      LOG_READ,
      ...args,
    )) as Buffer[];
    const top = { epoch: String(epoch), offset: Number(offset) };
    return { top, entries: frames.map((frame) => decodeLogEntry(frame)!) };
  };
  const read = async (range: (string | number)[], limit?: number, bytes?: number) =>
    (await look('follow', range, limit, bytes)).entries;

  it('an append leaves a stream by offset, a hash of the top, and the first result', async () => {
    expect(await append('a')).toEqual([begun('epoch--1'), 1, 0]);
    expect(await append('b', { epoch: 'epoch--2', tag: 'tag----2' })).toEqual([
      begun('epoch--1'),
      2,
      0,
    ]);
    expect(await client.hgetall(meta)).toEqual({ e: begun('epoch--1'), s: '2', t: 'tag----2' });
    expect(await client.get(`${log}:once:b`)).toBe(`${begun('epoch--1')}2`);
    const stream = (await client.callBuffer('xrange', log, '-', '+')) as [Buffer, Buffer[]][];
    expect(stream.map(([id, fields]) => [id, fields[0]].join(' '))).toEqual(['1-0 f', '2-0 f']);
    expect(decodeLogEntry(stream[1]![1][1]!)).toMatchObject({
      epoch: begun('epoch--1'),
      offset: 2,
      tag: 'tag----2',
      previousTag: 'tag----1',
      bytes: Buffer.from('b'),
    });
  });

  it('an append takes the time from Redis', async () => {
    const time = async () => {
      const [seconds, micros] = (await client.time()) as unknown as string[];
      return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
    };
    const before = await time();
    await append('a');
    const [entry] = await read(['XRANGE', '-', '+']);
    expect(entry!.publishedAtMs).toBeGreaterThanOrEqual(before);
    expect(entry!.publishedAtMs).toBeLessThanOrEqual(await time());
  });

  it('an append gives each key its life', async () => {
    await append('a', { ttlMs: 10_000, metaTtlMs: 100_000, onceTtlMs: 1_000_000 });
    const lives = await Promise.all([log, meta, `${log}:once:a`].map((key) => client.pttl(key)));
    for (const [i, life] of lives.entries()) {
      expect(life).toBeLessThanOrEqual(10_000 * 10 ** i);
      expect(life).toBeGreaterThan(5_000 * 10 ** i);
    }
  });

  it('the life of the meta is renewed when less than half of it is left, by append and by look', async () => {
    const renewed = async (leftMs: number, act: () => Promise<unknown>) => {
      await client.pexpire(meta, leftMs);
      await act();
      return (await client.pttl(meta)) > leftMs;
    };
    await append('a');
    let n = 0;
    const acts = [
      () => append(`again ${++n}`),
      () => tops('epoch--1'),
      () => read(['XRANGE', '-', '+']),
    ];
    for (const act of acts) {
      expect(await renewed(LONG_MS * 0.6, act)).toBe(false);
      expect(await renewed(LONG_MS * 0.4, act)).toBe(true);
      await client.persist(meta);
      await act();
      expect(await client.pttl(meta)).toBeGreaterThan(0);
    }
  });

  it('a look gives a log its epoch for a short time, and a look more renews it; an append makes it last', async () => {
    expect(await tops('epoch--1')).toEqual([begun('epoch--1'), 0, '']);
    const life = () => client.pttl(meta);
    expect(await life()).toBeLessThanOrEqual(SHORT_MS);
    for (const act of [() => tops('epoch--2'), () => read(['XRANGE', '-', '+'])]) {
      await client.pexpire(meta, SHORT_MS * 0.4);
      await act();
      expect(await life()).toBeGreaterThan(SHORT_MS * 0.9);
    }
    await look('glance', ['XRANGE', '-', '+']);
    expect(await append('a')).toEqual([begun('epoch--1'), 1, 0]);
    expect(await life()).toBeGreaterThan(LONG_MS * 0.9);
  });

  it('a glance stores nothing, and renews the meta of a log that has something', async () => {
    const { top, entries } = await look('glance', ['XRANGE', '-', '+']);
    expect([top.offset, entries]).toEqual([0, []]);
    expect(await client.exists(log, meta, data)).toBe(0);
    // Now the data has a name.
    await client.eval(LOG_TOPS, 1, data, LONG_MS, SHORT_MS, 'epoch--1');
    const before = await look('glance', ['XRANGE', '-', '+']);
    expect(before.top.epoch).toBe(begun('epo-----'));
    expect(await client.exists(log, meta)).toBe(0);
    const [, offset] = (await append('a')) as unknown[];
    expect(offset).toBe(1);
    await client.pexpire(meta, LONG_MS * 0.4);
    expect((await look('glance', ['XRANGE', '-', '+'])).entries).toHaveLength(1);
    expect(await client.pttl(meta)).toBeGreaterThan(LONG_MS * 0.9);
    // Nobody knows what was in it: its next epoch is like no other, and a glance leaves the trace.
    await client.del(meta);
    expect((await look('glance', ['XRANGE', '-', '+'])).top).toEqual({
      epoch: 'other--2',
      offset: 0,
    });
    expect(await client.exists(log)).toBe(1);
    expect(await tops('other--3')).toEqual(['other--3', 0, '']);
    expect(await tops('epoch--4')).toEqual(['other--3', 0, '']);
  });

  it('the epoch of an empty log is never old, and that of another stays', async () => {
    const [earlier, now] = [Date.now() - HALF_DAY_MS, begun('epoch--1')];
    await tops('epoch--1');
    const old = epochOf('epo', earlier, 'epoch--1');
    await client.hset(meta, 'e', old);
    expect(await tops('epoch--1')).toEqual([now, 0, '']);
    await client.hset(meta, 'e', old);
    expect((await look('glance', ['XRANGE', '-', '+'])).top.epoch).toBe(old);
    expect((await look('follow', ['XRANGE', '-', '+'])).top.epoch).toBe(begun('epoch--2'));
    await client.hset(meta, 'e', old);
    await append('a');
    expect(await tops('epoch--1')).toEqual([old, 1, 'tag----1']);
    // Of data that is lost, or of an earlier version.
    await client.hset(meta, 'e', 'elsewher', 's', 0, 't', '');
    expect(await tops('epoch--1')).toEqual(['elsewher', 0, '']);
  });

  it('a known id answers with its first result, and writes nothing', async () => {
    await append('a');
    await client.rename(`${log}:once:a`, once);
    await client.del(meta);
    expect(await append('a', { epoch: 'epoch--2' })).toEqual([begun('epoch--1'), 1, 1]);
    expect(await client.exists(meta)).toBe(0);
    expect(await client.xlen(log)).toBe(1);
  });

  for (const [what, act] of [
    ['an append', () => append('b', { epoch: 'other--2' })],
    ['a look', () => tops('other--2')],
    ['a read', () => read(['XRANGE', '-', '+'])],
  ] as const) {
    it(`${what} finds a lost meta: a new epoch, and nothing of the old one`, async () => {
      await append('old 1');
      await append('old 2');
      await client.del(meta);
      await act();
      expect(await client.hget(meta, 'e')).toBe('other--2');
      const entries = await read(['XRANGE', '-', '+']);
      expect(entries.every(({ epoch, offset }) => epoch === 'other--2' && offset === 1)).toBe(true);
      expect(await append('new', { epoch: 'epoch--3' })).toMatchObject({ 0: 'other--2', 2: 0 });
    });
  }

  it('a look at what is there writes nothing', async () => {
    await append('a');
    const changes = async () =>
      /master_repl_offset:(\d+)/.exec(await client.info('replication'))![1];
    const before = await changes();
    expect(await tops('epoch--2')).toEqual([begun('epoch--1'), 1, 'tag----1']);
    expect(await read(['XRANGE', '-', '+'])).toHaveLength(1);
    expect(await changes()).toBe(before);
  });

  for (const which of ['log', 'meta', 'once']) {
    it(`an append that is refused has written nothing (a foreign ${which})`, async () => {
      await append('a');
      const keys = { log, meta, once };
      const foreign = keys[which as keyof typeof keys];
      await client.del(foreign);
      if (which === 'once') await client.hset(foreign, 'not', 'ours');
      else await client.set(foreign, 'not ours');
      const state = () => Promise.all(Object.values(keys).map((key) => client.dump(key)));
      const before = await state();
      await expect(append('b', { tag: 'tag----2' })).rejects.toThrow('WRONGTYPE');
      // The id was taken back, so that it lives 1 ms more.
      if (which !== 'once')
        await waitFor('the id to lapse', async () => !(await client.exists(once)));
      expect(await state()).toEqual(before);
    });
  }

  it('a read asks for pages until it has enough, or the log ends', async () => {
    for (let i = 1; i <= 70; i++) await append(String(i), { size: 100 });
    const all = Array.from({ length: 70 }, (_, i) => i + 1);
    const offsets = async (...args: Parameters<typeof read>) =>
      (await read(...args)).map(({ offset }) => offset);
    expect(await offsets(['XRANGE', '-', '+'])).toEqual(all);
    expect(await offsets(['XREVRANGE', '+', '-'])).toEqual(all.toReversed());
    for (const limit of [1, 2, 3, 31, 32, 33, 69, 70, 71]) {
      expect(await offsets(['XRANGE', 5, '+'], limit)).toEqual(all.slice(4, 4 + limit));
      expect(await offsets(['XREVRANGE', 66, '-'], limit)).toEqual(
        all.slice(0, 66).toReversed().slice(0, limit),
      );
    }
    // A frame of these is 45 or 46 bytes.
    expect(await offsets(['XRANGE', '-', '+'], 100, 44)).toEqual([1]);
    expect(await offsets(['XRANGE', '-', '+'], 100, 45 * 9 + 46)).toEqual(all.slice(0, 10));
    expect(await offsets(['XRANGE', '-', '+'], 100, 45 * 9 + 45)).toEqual(all.slice(0, 9));
  });

  it('a read asks for few entries at a time: it cannot know how large they are', async () => {
    for (let i = 1; i <= 200; i++) await append(String(i), { size: 200 });
    await client.config('RESETSTAT');
    expect(await read(['XRANGE', '-', '+'], 1_000)).toHaveLength(200);
    const pages = [1, 2, 4, 8, 16, 32, 32, 32, 32, 32, 9];
    expect(await client.info('commandstats')).toMatch(`cmdstat_xrange:calls=${pages.length},`);
  });

  it('an append publishes in the way that it is told', async () => {
    const subscriber = redis.server.client();
    await waitFor('the client', () => subscriber.status === 'ready');
    await subscriber.ssubscribe(log);
    const heard = waitForEvent<[Buffer, Buffer]>(subscriber, 'smessageBuffer');
    const args = [
      log,
      'SPUBLISH',
      'epoch--1',
      'tag----1',
      3,
      LONG_MS,
      LONG_MS,
      LONG_MS,
      'a',
      'sender-1',
    ];
    await client.eval(LOG_APPEND, 4, log, meta, once, data, ...args);
    expect(decodeLogEntry((await heard)[1])).toMatchObject({ offset: 1, previousTag: '' });
  });
});
