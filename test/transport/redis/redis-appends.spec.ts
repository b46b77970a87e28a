import { expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { BackplaneRefusedError } from '../../../lib/errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../../lib/errors/backplane-unavailable.error.js';
import { RedisTransport } from '../../../lib/transport/redis/redis.transport.js';
import { withCheck } from '../../../lib/transport/redis/scripts/check.js';
import { LOG_APPEND } from '../../../lib/transport/redis/scripts/log-append.js';
import { describeOnRedis, uniqueKey } from '../../integration/fixtures/backends.js';
import { closeAfterEach } from '../../support/cleanup.js';
import { guardProcess } from '../../support/process-guard.js';
import { nextTurn } from '../../support/wait-for.js';
import { append, entriesOf, textsOf } from '../log-conformance.js';
import { Recorder } from '../recorder.js';

const LIMITS = { size: 20_000 };

describeOnRedis('Appends to the logs of Redis', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  /** The client is the transport's: what is asked of it stands between the appends. */
  async function start(
    client = redis.server.client(),
  ): Promise<Recorder & { readonly client: Redis }> {
    const recorder = track(new Recorder(new RedisTransport({ kind: 'client', client })));
    expect(await recorder.start()).toBe(true);
    return Object.assign(recorder, { client });
  }

  const sendTo =
    ({ transport }: Recorder, channel: string) =>
    (from: number, count: number) =>
      Array.from({ length: count }, (_, i) =>
        append(transport, channel, String(from + i), { limits: LIMITS }),
      );
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
  const numbersIn = async (recorder: Recorder, channel: string) => {
    const numbers: number[] = [];
    for (let from = 1; ;) {
      const range = { from, limit: 1_000 };
      const { entries } = await recorder.transport.logs.read(channel, range, { metaTtlMs: 60_000 });
      if (entries.length === 0) return numbers;
      numbers.push(...textsOf(entries).map(Number));
      from = entries.at(-1)!.offset + 1;
    }
  };
  const kinds = async (sent: readonly Promise<unknown>[]) =>
    (await Promise.allSettled(sent)).map((outcome) => {
      if (outcome.status === 'fulfilled') return 'appended';
      return outcome.reason instanceof BackplaneRefusedError ? 'refused' : 'unavailable';
    });

  it('are not overtaken where Redis forgets the script and another client teaches it again', async () => {
    const recorder = await start();
    const { client } = recorder;
    const channel = uniqueKey();
    const send = sendTo(recorder, channel);
    const sent = send(0, 10);
    for (let from = 10; from < 90; from += 20) {
      void client.script('FLUSH');
      sent.push(...send(from, 10));
      void client.script('LOAD', withCheck(LOG_APPEND));
      sent.push(...send(from + 10, 10));
    }
    // These come while it is found out.
    await sent[9];
    sent.push(...send(90, 10));
    const appended = await Promise.all(sent);
    expect(appended.map(({ offset }) => offset)).toEqual(upTo(100).map((i) => i + 1));
    expect(await numbersIn(recorder, channel)).toEqual(upTo(100));
  });

  it('are not overtaken by those that wait for their turn behind them', async () => {
    const recorder = await start();
    const { client } = recorder;
    const channel = uniqueKey();
    const send = sendTo(recorder, channel);
    await Promise.all(send(0, 1));
    void client.script('FLUSH');
    const sent = send(1, 400);
    // The answers to the first let others leave before those to the next are here.
    void client.blpop(uniqueKey(), 0.1);
    sent.push(...send(401, 4_600));
    await Promise.all(sent);
    expect(await numbersIn(recorder, channel)).toEqual(upTo(5_001));
  });

  it('are not overtaken behind one whose id is known: that it is there says nothing of those before', async () => {
    const recorder = await start();
    const { client, transport } = recorder;
    const channel = uniqueKey();
    const first = await append(transport, channel, 'known', { id: 'k' });
    await append(transport, channel, 'known, too', { id: 'l' });
    void client.script('FLUSH');
    const sent = [append(transport, channel, 'a')];
    void client.script('LOAD', withCheck(LOG_APPEND));
    const again = append(transport, channel, 'known', { id: 'k' });
    sent.push(append(transport, channel, 'known, too', { id: 'l' }));
    sent.push(append(transport, channel, 'b'), append(transport, channel, 'c'));
    await Promise.all(sent);
    expect(await again).toEqual({ ...first, duplicate: true });
    const texts = textsOf(await entriesOf(transport, channel));
    expect(texts).toEqual(['known', 'known, too', 'a', 'b', 'c']);
    // What is remembered of the id is as it was.
    expect(await append(transport, channel, 'known', { id: 'k' })).toEqual(await again);
  });

  it('are not overtaken where another instance publishes the same id meanwhile', async () => {
    const recorder = await start();
    const { client, transport } = recorder;
    const other = await start(client);
    const channel = uniqueKey();
    const first = await append(transport, channel, 'known', { id: 'k' });
    void client.script('FLUSH');
    const a = append(transport, channel, 'a');
    void client.script('LOAD', withCheck(LOG_APPEND));
    const again = append(transport, channel, 'known', { id: 'k' });
    const others = append(other.transport, channel, 'known', { id: 'k' });
    const b = append(transport, channel, 'b');
    const known = { ...first, duplicate: true };
    expect(await Promise.all([again, others])).toEqual([known, known]);
    await Promise.all([a, b]);
    expect(textsOf(await entriesOf(transport, channel))).toEqual(['known', 'a', 'b']);
    // What is remembered of the id is as it was.
    expect(await append(other.transport, channel, 'known', { id: 'k' })).toEqual(known);
  });

  it('of other logs do not wait for that', async () => {
    const recorder = await start();
    const { client } = recorder;
    const [one, two] = [uniqueKey(), uniqueKey()];
    await append(recorder.transport, one, 'first');
    const order: string[] = [];
    void client.script('FLUSH');
    const forgotten = append(recorder.transport, one, 'a').then(() => order.push('forgotten'));
    void client.script('LOAD', withCheck(LOG_APPEND));
    const other = append(recorder.transport, two, 'b').then(() => order.push('other'));
    await Promise.all([forgotten, other]);
    expect(order).toEqual(['other', 'forgotten']);
  });

  it('lose nothing, keep their order and double nothing under SCRIPT FLUSH in a loop', async () => {
    const writers = [await start(), await start(), await start()];
    const channels = [uniqueKey(), uniqueKey(), uniqueKey()];
    const operator = redis.server.client();
    const end = new AbortController();
    let flushes = 0;
    const flushing = (async () => {
      for (; !end.signal.aborted; flushes++) await operator.script('FLUSH');
    })();
    const sent: Promise<unknown>[] = [];
    for (let round = 0; round < 150; round++) {
      for (const [w, writer] of writers.entries()) {
        for (const channel of channels)
          sent.push(...sendTo(writer, channel)(w * 10_000 + round * 5, 5));
      }
      await (round % 10 === 9 ? sent.at(-1) : nextTurn());
    }
    await Promise.all(sent);
    end.abort();
    await flushing;
    expect(flushes).toBeGreaterThan(20);
    for (const channel of channels) {
      const numbers = await numbersIn(writers[0]!, channel);
      for (const w of writers.keys()) {
        const own = numbers.filter((number) => Math.floor(number / 10_000) === w);
        expect(own).toEqual(upTo(750).map((i) => w * 10_000 + i));
      }
    }
  });

  it('behind one that Redis refuses for itself go on without it', async () => {
    const recorder = await start();
    const { client } = recorder;
    const channel = uniqueKey();
    const send = sendTo(recorder, channel);
    const sent = send(0, 5);
    void client.config('SET', 'maxmemory', '1');
    sent.push(...send(5, 1));
    void client.config('SET', 'maxmemory', '0');
    sent.push(...send(6, 5));
    expect(await kinds(sent)).toEqual([
      ...Array<string>(5).fill('appended'),
      'refused',
      ...Array<string>(5).fill('appended'),
    ]);
    expect(await numbersIn(recorder, channel)).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9, 10]);
  });

  it('behind one that may be tried again wait for whoever tries it', async () => {
    const recorder = await start();
    const { client } = recorder;
    const channel = uniqueKey();
    const send = sendTo(recorder, channel);
    await Promise.all(send(0, 1));
    const sent: Promise<unknown>[] = [];
    void client.config('SET', 'min-replicas-to-write', '1');
    sent.push(...send(1, 1));
    void client.config('SET', 'min-replicas-to-write', '0');
    sent.push(...send(2, 3));
    // As soon as anybody can know of it, those behind it, too: they would get ahead of the next
    // try.
    const next = sent[0]!.catch(() => {
      const late = send(5, 1);
      return Promise.allSettled(late);
    });
    const other = append(recorder.transport, uniqueKey(), 'another log');
    expect(await kinds(sent)).toEqual(Array<string>(4).fill('unavailable'));
    const reasons = await Promise.allSettled(sent);
    for (const reason of reasons)
      expect(String((reason as PromiseRejectedResult).reason)).toMatch(/NOREPLICAS/);
    expect(await next).toMatchObject([{ status: 'rejected' }]);
    await other;
    // Whoever has heard of it may go on.
    await nextTurn();
    await Promise.all(send(1, 5));
    expect(await numbersIn(recorder, channel)).toEqual(upTo(6));
  });

  it('leave no trace of those that were refused: a second try under the same id is a first', async () => {
    const recorder = await start();
    const channel = uniqueKey();
    const { client, transport } = recorder;
    void client.config('SET', 'maxmemory', '1');
    const refused = append(transport, channel, 'a', { id: 'same' });
    void client.config('SET', 'maxmemory', '0');
    await expect(refused).rejects.toThrow(BackplaneUnavailableError);
    const again = await append(transport, channel, 'a', { id: 'same' });
    expect(again).toMatchObject({ offset: 1, duplicate: false });
    expect(textsOf(await entriesOf(transport, channel))).toEqual(['a']);
  });
});
