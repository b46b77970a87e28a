import type { RedisOptions } from 'ioredis';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { BackplaneRefusedError } from '../../lib/errors/backplane-refused.error.js';
import { MemoryBus } from '../../lib/transport/memory/memory-bus.js';
import { MemoryTransport } from '../../lib/transport/memory/memory.transport.js';
import { RedisLeases } from '../../lib/transport/redis/redis-leases.js';
import type { RedisSource } from '../../lib/transport/redis/redis-source.js';
import { RedisTransport } from '../../lib/transport/redis/redis.transport.js';
import type { LeaseList, Transport } from '../../lib/transport/transport.js';
import { describeOnRedis, uniqueKey } from '../integration/fixtures/backends.js';
import { sourceOf } from '../support/redis-source.js';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { waitFor } from '../support/wait-for.js';
import { Recorder } from './recorder.js';

const LONG_MS = 60_000;

const ids = (list: LeaseList | undefined) => list?.leases.map(({ id }) => id).sort();
const NOBODY: LeaseList = { leases: [], departed: [] };

/** What the leases of every transport do. */
function describeLeases(name: string, make: () => Transport): void {
  describe(`The leases of ${name}`, () => {
    guardProcess();
    const track = closeAfterEach();
    const start = async () => {
      const recorder = track(new Recorder(make()));
      await recorder.start();
      return recorder.transport.leases;
    };

    it('are seen by all, with their values and what is left of them', async () => {
      const [one, two] = [await start(), await start()];
      const key = uniqueKey();
      expect(await two.list(key)).toEqual(NOBODY);
      await one.claim(key, 'a', 'the a – é', LONG_MS);
      const list = await two.claim(key, 'b', '', LONG_MS);
      expect(ids(list)).toEqual(['a', 'b']);
      expect((await one.list(key)).leases).toEqual(
        expect.arrayContaining([
          { id: 'a', value: 'the a – é', remainingMs: expect.any(Number) },
          { id: 'b', value: '', remainingMs: expect.any(Number) },
        ]),
      );
      for (const { remainingMs } of list.leases) {
        expect(remainingMs).toBeGreaterThan(LONG_MS - 20_000);
        expect(remainingMs).toBeLessThanOrEqual(LONG_MS);
      }
      expect(await one.list(uniqueKey())).toEqual(NOBODY);
    });

    it('are renewed while they are held, with a new value', async () => {
      const leases = await start();
      const key = uniqueKey();
      await leases.claim(key, 'a', '1', 5_000);
      const [renewed] = (await leases.renew(key, 'a', '2', LONG_MS))!.leases;
      expect(renewed!.value).toBe('2');
      expect(renewed!.remainingMs).toBeGreaterThan(5_000);
    });

    it('lapse, are then seen by nobody, and are not renewed but claimed anew', async () => {
      const leases = await start();
      const key = uniqueKey();
      await leases.claim(key, 'lives', '', LONG_MS);
      await leases.claim(key, 'dies', '', 30);
      await waitFor('the lease to lapse', async () => ids(await leases.list(key))!.length === 1);
      expect(await leases.renew(key, 'dies', '', LONG_MS)).toBeUndefined();
      expect(ids(await leases.list(key))).toEqual(['lives']);
      expect(ids(await leases.claim(key, 'dies', '', LONG_MS))).toEqual(['dies', 'lives']);
    });

    it('are gone when they are dropped, also twice, and are remembered as dropped for so long', async () => {
      const leases = await start();
      const key = uniqueKey();
      await leases.claim(key, 'stays', '', LONG_MS);
      await leases.claim(key, 'a', '', LONG_MS);
      await leases.drop(key, 'a', LONG_MS);
      await leases.drop(key, 'a', LONG_MS);
      await leases.drop(key, 'brief', 30);
      const list = await leases.list(key);
      expect(ids(list)).toEqual(['stays']);
      expect(list.departed).toContain('a');
      await waitFor('the brief memory to end', async () => {
        const { departed } = (await leases.renew(key, 'stays', '', LONG_MS))!;
        return departed.join() === 'a';
      });
      expect(await leases.renew(key, 'a', '', LONG_MS)).toBeUndefined();
      const again = await leases.claim(key, 'a', '', LONG_MS);
      expect([ids(again), again.departed]).toEqual([['a', 'stays'], []]);
    });
  });
}

const bus = new MemoryBus();
describeLeases('the memory transport', () => new MemoryTransport(bus));

describe('Leases on a server that takes no writes', () => {
  let isReplica: boolean;
  let said: number;
  let leases: RedisLeases;

  beforeEach(() => {
    isReplica = true;
    said = 0;
    const run = async (): Promise<unknown> => {
      if (isReplica) throw new Error("READONLY You can't write against a read only replica.");
      return [1, [], []];
    };
    leases = new RedisLeases({
      client: { evalBuffer: run, evalshaBuffer: run, options: {} } as unknown as Redis,
      prefix: '',
      downReason: () => undefined,
      onReadOnly: () => said++,
    });
  });

  /** How often it is said in so many renewals. */
  const renew = async (times: number): Promise<number> => {
    const before = said;
    for (let n = 0; n < times; n++) {
      const renewing = leases.renew('key', 'a', '', LONG_MS);
      if (isReplica)
        await expect(renewing).rejects.toMatchObject({ code: 'BACKPLANE_UNAVAILABLE' });
      else await renewing;
    }
    return said - before;
  };

  it('say so at once, more and more seldom, and never cease to', async () => {
    expect(await renew(1)).toBe(1);
    expect(await renew(7)).toBe(3);
    expect(await renew(120)).toBe(4);
    expect(await renew(640)).toBe(10);
  });

  it('say the next time at once when one was renewed meanwhile; that a replica lists changes nothing', async () => {
    expect(await renew(4)).toBe(3);
    isReplica = false;
    await leases.list('key');
    isReplica = true;
    expect(await renew(1)).toBe(0);
    isReplica = false;
    await renew(1);
    isReplica = true;
    expect(await renew(1)).toBe(1);
  });
});

describeOnRedis('Over Redis:', (redis) => {
  const track = closeAfterEach();
  const start = async (source: RedisSource) => {
    const recorder = track(new Recorder(new RedisTransport(source)));
    await recorder.start();
    return recorder.transport.leases;
  };
  const client = (keyPrefix: string, more: RedisOptions = {}): RedisSource => ({
    kind: 'client',
    client: redis.server.client({ keyPrefix, ...more }),
  });
  const options = (keyPrefix: string): RedisSource => ({
    kind: 'options',
    options: { host: redis.server.host, port: redis.server.port, keyPrefix },
  });

  describeLeases('a URL', () => new RedisTransport(sourceOf(redis.server.url)));
  describeLeases("the app's client", () => new RedisTransport(client('')));
  describeLeases(
    "the app's client, whose numbers are strings",
    () => new RedisTransport(client('', { stringNumbers: true })),
  );

  it('the keyPrefix stands before the keys, once, whoever made the client', async () => {
    const key = uniqueKey();
    const [ours, theirs] = [await start(options('shop:')), await start(client('shop:'))];
    await ours.claim(key, 'a', '', LONG_MS);
    expect(ids(await theirs.claim(key, 'b', '', LONG_MS))).toEqual(['a', 'b']);
    const keys = (await redis.server.cli('keys', `*${key}*`)) as string[];
    expect(keys.sort()).toEqual([`shop:${key}`, `shop:${key}:given`, `shop:${key}:values`]);
  });

  it('nothing stays behind when nobody renews any more', async () => {
    const key = uniqueKey();
    const leases = await start(sourceOf(redis.server.url));
    await leases.claim(key, 'a', 'value', 40);
    await waitFor('the keys to expire', async () => !(await redis.server.cli('exists', key)));
    await leases.drop(key, 'a', 40);
    await waitFor('all keys to expire', async () => {
      const keys = (await redis.server.cli('keys', `${key}*`)) as string[];
      return keys.length === 0;
    });
  });

  it('a flush of the script cache is survived', async () => {
    const key = uniqueKey();
    const leases = await start(sourceOf(redis.server.url));
    await leases.claim(key, 'a', '', LONG_MS);
    await redis.server.cli('script', 'flush');
    expect(ids(await leases.renew(key, 'a', '', LONG_MS))).toEqual(['a']);
  });

  it('a value that has gone takes nobody with it', async () => {
    const key = uniqueKey();
    const leases = await start(sourceOf(redis.server.url));
    await leases.claim(key, 'a', 'value', LONG_MS);
    await leases.claim(key, 'b', 'value', LONG_MS);
    await redis.server.cli('hdel', `${key}:values`, 'a');
    const values = (await leases.list(key)).leases.map(({ id, value }) => `${id}=${value}`);
    expect(values.sort()).toEqual(['a=', 'b=value']);
  });

  describe('whatever becomes of the clock of Redis,', () => {
    const HOUR_MS = 3_600_000;
    const TTL_MS = 400;

    /** Of the dead one, as a live one sees it that goes on renewing its own. */
    const outlivedMs = async (change: (key: string, dead: number) => Promise<unknown>) => {
      const key = uniqueKey();
      const leases = await start(options(''));
      await leases.claim(key, 'live', 'value', TTL_MS);
      await leases.claim(key, 'dead', 'value', TTL_MS);
      const due = performance.now() + TTL_MS;
      await change(key, Number(await redis.server.cli('zscore', key, 'dead')));
      const before = await leases.list(key);
      for (const { remainingMs } of before.leases) expect(remainingMs).toBeLessThanOrEqual(TTL_MS);
      await waitFor('the dead to lapse', async () => {
        const list =
          (await leases.renew(key, 'live', 'value', TTL_MS)) ??
          (await leases.claim(key, 'live', 'value', TTL_MS));
        return ids(list)!.join() === 'live';
      });
      return performance.now() - due;
    };

    it('no lease has more left than it was given', async () => {
      const outlived = await outlivedMs((key, lapses) =>
        redis.server.cli('zadd', key, lapses + HOUR_MS, 'dead'),
      );
      expect(outlived).toBeLessThan(TTL_MS + 2_000);
    });

    it('a lease that came from elsewhere has no more left than that of who looks', async () => {
      const outlived = await outlivedMs(async (key, lapses) => {
        await redis.server.cli('hdel', `${key}:given`, 'dead');
        await redis.server.cli('zadd', key, lapses + HOUR_MS, 'dead');
        // To list is to change nothing: the next renewal puts it right.
        await (await start(options(''))).claim(key, 'x', '', 50);
      });
      expect(outlived).toBeLessThan(TTL_MS + 2_000);
    });

    it('a clock that is set back makes no lease longer, also where many were given', async () => {
      const key = uniqueKey();
      const leases = await start(options(''));
      await leases.claim(key, 'live', '', LONG_MS);
      await leases.claim(key, 'dead', '', LONG_MS);
      // Half of its time has passed when an hour is taken off the clock: seen from then, all times
      // lie ahead.
      const shift = async (name: string, by: number) => {
        const at = Number(await redis.server.cli('zscore', key, name));
        await redis.server.cli('zadd', key, at + by, name);
      };
      await shift('live', HOUR_MS - LONG_MS / 2);
      await shift('dead', HOUR_MS - LONG_MS / 2);
      const seen = Number(await redis.server.cli('hget', `${key}:given`, ''));
      await redis.server.cli('hset', `${key}:given`, '', seen + HOUR_MS);
      for (const list of [await leases.list(key), await leases.renew(key, 'live', '', LONG_MS)]) {
        const dead = list!.leases.find(({ id }) => id === 'dead')!;
        expect(dead.remainingMs).toBeLessThanOrEqual(LONG_MS / 2);
        expect(dead.remainingMs).toBeGreaterThan(LONG_MS / 2 - 20_000);
      }
      const [at, now] = [await redis.server.cli('zscore', key, 'dead'), Date.now()];
      expect(Number(at) - now).toBeLessThanOrEqual(LONG_MS / 2);
      const live = (await leases.list(key)).leases.find(({ id }) => id === 'live')!;
      expect(live.remainingMs).toBeGreaterThan(LONG_MS - 20_000);
    });
  });

  it.each([
    ['claim', 'too little memory', 'maxmemory', '1', '0'],
    ['claim', 'too few replicas', 'min-replicas-to-write', '1', '0'],
  ] as const)(
    'a %s that is refused, as there is %s, changes nothing; a list works, and says what is there',
    async (_, __, name, bad, good) => {
      const key = uniqueKey();
      const leases = await start(options(''));
      await leases.claim(key, 'a', 'value', LONG_MS);
      await leases.claim(key, 'brief', 'value', 30);
      const contents = async () =>
        JSON.stringify([
          await redis.server.cli('zrange', key, 0, -1, 'WITHSCORES'),
          await redis.server.cli('hgetall', `${key}:values`),
          await redis.server.cli('hgetall', `${key}:given`),
        ]);
      await waitFor('one to lapse', async () => ids(await leases.list(key))!.join() === 'a');
      const before = await contents();
      await redis.server.cli('config', 'set', name, bad);
      try {
        for (const act of ['claim', 'renew'] as const) {
          await expect(leases[act](key, 'a', 'other', LONG_MS)).rejects.toThrow(
            /Redis refused to (take|renew) this instance's lease: (OOM|NOREPLICAS)/,
          );
        }
        await expect(leases.claim(key, 'b', 'other', LONG_MS)).rejects.toBeInstanceOf(
          BackplaneRefusedError,
        );
        expect(ids(await leases.list(key))).toEqual(['a']);
        expect(await contents()).toBe(before);
      } finally {
        await redis.server.cli('config', 'set', name, good);
      }
    },
  );

  it('a key of another type, and a Redis that is away, are errors with a code', async () => {
    const key = uniqueKey();
    const leases = await start(sourceOf(redis.server.url));
    await redis.server.cli('set', key, 'a string');
    await expect(leases.list(key)).rejects.toMatchObject({ code: 'BACKPLANE_UNAVAILABLE' });
    await redis.server.kill();
    await expect(leases.list(key)).rejects.toMatchObject({ code: 'BACKPLANE_UNAVAILABLE' });
    await redis.server.restart();
  });
});
