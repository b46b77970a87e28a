import { beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { decodeLogEntry } from '../../../lib/transport/log-entry.js';
import { RedisTransport } from '../../../lib/transport/redis/redis.transport.js';
import { describeOnRedis, uniqueKey } from '../../integration/fixtures/backends.js';
import { sourceOf } from '../../support/redis-source.js';
import { closeAfterEach } from '../../support/cleanup.js';
import { RedisServer } from '../../support/redis-server.js';
import { append, entriesOf, LIMITS, textsOf } from '../log-conformance.js';
import { Recorder } from '../recorder.js';

const APPEND = 'GET, TIME, HMGET, EXISTS, DEL, HSET, PEXPIRE, PTTL, SET, XADD, PUBLISH'.split(', ');
const TOPS = 'HMGET, EXISTS, DEL, HSET, PTTL, PEXPIRE, GET, SET, TIME'.split(', ');
const READ = [...TOPS, 'XRANGE'];

/** How a log may be when it is met. */
const STATES = {
  'that has entries': ['a', 'b'],
  'that is new': [],
  'whose meta is gone': ['a', 'b'],
  'whose entries have lapsed': ['a', 'b'],
  'whose meta is about to lapse': ['a', 'b'],
} as const;
type State = keyof typeof STATES;

describeOnRedis('A user that lacks', (redis) => {
  const track = closeAfterEach();
  let operator: Redis;
  let client: Redis;

  beforeAll(async () => {
    operator = redis.server.client();
    await operator.call('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', '~*', '&*');
    client = redis.server.client({ username: 'app', password: 'secret' });
  });

  const start = async () => {
    const recorder = track(new Recorder(new RedisTransport({ kind: 'client', client })));
    await recorder.start();
    return recorder;
  };
  const without = async <T>(command: string, act: () => Promise<T>): Promise<T> => {
    await operator.call('ACL', 'SETUSER', 'app', `-${command}`);
    try {
      return await act();
    } finally {
      await operator.call('ACL', 'SETUSER', 'app', '+@all');
    }
  };
  const bring = async (recorder: Recorder, channel: string, state: State) => {
    for (const text of STATES[state]) await append(recorder.transport, channel, text, { id: text });
    if (state === 'whose meta is gone') await operator.del(`top:${channel}`);
    if (state === 'whose entries have lapsed') await operator.del(`log:${channel}`);
    if (state === 'whose meta is about to lapse') await operator.pexpire(`top:${channel}`, 60_000);
  };
  /** The meta says what the stream says, and both have an end. */
  const expectSound = async (channel: string) => {
    const [log, meta] = [`log:${channel}`, `top:${channel}`];
    const { e, s, t } = await operator.hgetall(meta);
    const newest = (await operator.callBuffer('XREVRANGE', log, '+', '-', 'COUNT', '1')) as [
      Buffer,
      Buffer[],
    ][];
    const entry = newest[0] && decodeLogEntry(newest[0][1][1]!);
    if (entry && e !== undefined) {
      expect({ e, s, t }).toEqual({ e: entry.epoch, s: String(entry.offset), t: entry.tag });
    }
    if (entry) expect(await operator.pttl(log)).toBeGreaterThan(0);
  };

  for (const state of Object.keys(STATES) as State[]) {
    it.each(APPEND)(
      `%s appends nothing to a log ${state}, or all, and is told; later it goes on`,
      async (command) => {
        const recorder = await start();
        const channel = uniqueKey();
        await bring(recorder, channel, state);
        const outcome = await without(command, () =>
          append(recorder.transport, channel, 'c', { id: 'c' }).catch((error: Error) => error),
        );
        await expectSound(channel);
        const isAppended = !(outcome instanceof Error);
        if (isAppended && command === 'PUBLISH') {
          expect(outcome.unheard).toMatch(/run this command.*\(PUBLISH\)$/);
        } else if (isAppended) {
          // It was not needed.
          expect(outcome.unheard).toBe(undefined);
        } else {
          expect(outcome.message).toMatch(
            new RegExp(`refused to append.* \\(${command}\\)\\. Trying`),
          );
        }
        const again = await append(recorder.transport, channel, 'c', { id: 'c' });
        expect(again.duplicate).toBe(isAppended);
        const next = await append(recorder.transport, channel, 'd');
        expect(next).toMatchObject({ epoch: again.epoch, offset: again.offset + 1 });
        await expectSound(channel);
        const kept = state === 'that has entries' || state.endsWith('to lapse') ? ['a', 'b'] : [];
        expect(textsOf(await entriesOf(recorder.transport, channel))).toEqual([...kept, 'c', 'd']);
      },
    );

    it.each(READ)(
      `%s looks at a log ${state} in vain, or not; later it goes on`,
      async (command) => {
        const recorder = await start();
        const channel = uniqueKey();
        await bring(recorder, channel, state);
        const { logs } = recorder.transport;
        const outcomes = await without(command, () =>
          Promise.allSettled([
            logs.tops([channel], LIMITS),
            logs.read(channel, { limit: 9 }, LIMITS),
          ]),
        );
        for (const outcome of outcomes) {
          if (outcome.status === 'fulfilled') continue;
          const words = new RegExp(`refused to .* \\(${command}\\)\\. Trying`);
          expect(String(outcome.reason)).toMatch(words);
        }
        await expectSound(channel);
        const [top] = await logs.tops([channel], LIMITS);
        const next = await append(recorder.transport, channel, 'd');
        expect(next).toMatchObject({ epoch: top!.epoch, offset: top!.offset + 1 });
        await expectSound(channel);
      },
    );
  }

  it.each([
    'ZRANGEBYSCORE',
    'ZADD',
    'HSET',
    'PTTL',
    'PEXPIRE',
    'ZRANGE',
    'HGET',
    'TIME',
    'ZSCORE',
    'ZREM',
    'ZREMRANGEBYSCORE',
  ])('%s takes no lease, and is told; later it does', async (command) => {
    const { transport } = await start();
    const key = uniqueKey();
    const claim = () => transport.leases.claim(key, 'me', 'value', 60_000);
    await without(command, () =>
      expect(claim()).rejects.toThrow(new RegExp(`run this command.*\\(${command}\\)`)),
    );
    expect(await claim()).toMatchObject({ leases: [{ id: 'me', value: 'value' }] });
  });

  it.each(Object.keys(STATES) as State[])(
    'memory appends nothing to a log %s, or all; later it goes on',
    async (state) => {
      const recorder = await start();
      const channel = uniqueKey();
      await bring(recorder, channel, state);
      await operator.config('SET', 'maxmemory', '1');
      const outcome = await append(recorder.transport, channel, 'c', { id: 'c' })
        .catch((error: Error) => error)
        .finally(() => void operator.config('SET', 'maxmemory', '0'));
      await expectSound(channel);
      // What makes room may stand before what needs it.
      const isAppended = !(outcome instanceof Error);
      expect(isAppended).toBe(state === 'whose meta is gone');
      if (!isAppended) expect(outcome.message).toMatch(/append the message: OOM .*\((HSET|SET)\)/);
      const again = await append(recorder.transport, channel, 'c', { id: 'c' });
      expect(again.duplicate).toBe(isAppended);
      expect(await append(recorder.transport, channel, 'd')).toMatchObject({
        offset: again.offset + 1,
      });
      await expectSound(channel);
    },
  );

  it('both SET and DEL, or all but those that read, is refused as well, and leaves nothing', async () => {
    const recorder = await start();
    const rights = [
      ['-set', '-del'],
      ['-xadd', '-set', '-del'],
      ['-@write', '+hset', '+pexpire'],
    ];
    for (const taken of rights) {
      const channel = uniqueKey();
      await bring(recorder, channel, 'that has entries');
      await operator.call('ACL', 'SETUSER', 'app', ...taken);
      const refused = append(recorder.transport, channel, 'c', { id: 'c' });
      await expect(refused).rejects.toThrow(/run this command/);
      await operator.call('ACL', 'SETUSER', 'app', '+@all');
      await expectSound(channel);
      const again = await append(recorder.transport, channel, 'c', { id: 'c' });
      expect(again).toMatchObject({ offset: 3, duplicate: false });
    }
  });

  it('rights to one kind of keys appends nothing', async () => {
    const recorder = await start();
    for (const kinds of [
      ['log', 'top'],
      ['log', 'once'],
      ['top', 'once'],
    ]) {
      const channel = uniqueKey();
      await bring(recorder, channel, 'that has entries');
      const patterns = kinds.map((kind) => `~${kind}:*`);
      await operator.call('ACL', 'SETUSER', 'app', 'resetkeys', ...patterns);
      const refused = append(recorder.transport, channel, 'c', { id: 'c' });
      await expect(refused).rejects.toThrow(/refused to append the message: /);
      await operator.call('ACL', 'SETUSER', 'app', 'allkeys');
      await expectSound(channel);
      const again = await append(recorder.transport, channel, 'c', { id: 'c' });
      expect(again).toMatchObject({ offset: 3, duplicate: false });
    }
  });

  it('the channel has the entry in the log, is told that nobody was, and doubles nothing', async () => {
    const recorder = await start();
    const channel = uniqueKey();
    await operator.call('ACL', 'SETUSER', 'app', 'resetchannels', '&other');
    const appended = await append(recorder.transport, channel, 'a', { id: 'a' });
    expect(appended).toMatchObject({ offset: 1, duplicate: false });
    expect(appended.unheard).toMatch(/\(PUBLISH\)$/);
    await operator.call('ACL', 'SETUSER', 'app', 'allchannels');
    expect(await append(recorder.transport, channel, 'a', { id: 'a' })).toMatchObject({
      offset: 1,
      duplicate: true,
    });
  });

  it('no right has a log whose stream is ahead of its meta: it begins a new epoch, and goes on', async () => {
    const recorder = await start();
    const channel = uniqueKey();
    await bring(recorder, channel, 'that has entries');
    const [before] = await recorder.transport.logs.tops([channel], LIMITS);
    // As an operator's hand leaves it, or a version that wrote the stream first.
    await operator.xadd(`log:${channel}`, '*', 'x', 'not ours');
    const appended = await append(recorder.transport, channel, 'c', { id: 'c' });
    expect(appended).toMatchObject({ offset: 1, duplicate: false });
    expect(appended.epoch).not.toBe(before!.epoch);
    await expectSound(channel);
    expect(textsOf(await entriesOf(recorder.transport, channel))).toEqual(['c']);
    expect(await append(recorder.transport, channel, 'd')).toMatchObject({ offset: 2 });
  });

  it.each(['PEXPIRE', 'SET', 'XADD', 'HSET'])(
    'the command %s altogether, as it was renamed, is told which it is',
    async (command) => {
      const server = track(
        await RedisServer.start({ args: ['--rename-command', command, `MY${command}`] }),
      );
      const recorder = track(new Recorder(new RedisTransport(sourceOf(server.url))));
      await recorder.start();
      const channel = uniqueKey();
      for (const id of ['a', 'a', 'b']) {
        const refused = append(recorder.transport, channel, 'x', { id });
        await expect(refused).rejects.toThrow(new RegExp(`\\(${command}\\)\\. Trying`));
      }
      expect(await server.cli('exists', `log:${channel}`)).toBe(0);
    },
  );
});
