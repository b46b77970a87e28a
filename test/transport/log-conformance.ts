import { expect, it } from '@jest/globals';
import { decodeLogEntry } from '../../lib/transport/log-entry.js';
import { isSameBeginning } from '../../lib/transport/log-epoch.js';
import {
  type Append,
  type Appended,
  LOG_READ_BYTES,
  type LogEntry,
  type LogLimits,
  type PublishedEntry,
} from '../../lib/transport/logs.js';
import { Ticket } from '../../lib/transport/ticket.js';
import type { Transport } from '../../lib/transport/transport.js';
import { waitFor } from '../support/wait-for.js';
import { HOSTILE_CHANNELS } from './hostile-channels.js';
import type { Recorder } from './recorder.js';

const LONG_MS = 600_000;
export const LIMITS: LogLimits = { size: 100, ttlMs: LONG_MS, metaTtlMs: 10 * LONG_MS };

let lastId = 0;

/** Appends with what a test does not care for filled in. */
export function append(
  { logs }: Transport,
  channel: string,
  bytes: Buffer | string,
  { limits, ...rest }: Partial<Omit<Append, 'limits'>> & { limits?: Partial<LogLimits> } = {},
): Promise<Appended> {
  return logs.append({
    channel,
    id: `id ${++lastId}`,
    bytes: Buffer.from(bytes),
    idempotencyTtlMs: LONG_MS,
    ...rest,
    limits: { ...LIMITS, ...limits },
  });
}

export async function entriesOf(
  { logs }: Transport,
  channel: string,
  limit = 1_000,
): Promise<readonly LogEntry[]> {
  return (await logs.read(channel, { limit }, LIMITS)).entries;
}

export const textsOf = (entries: readonly LogEntry[]) =>
  entries.map(({ bytes }) => bytes.toString());
const offsets = (entries: readonly LogEntry[]) => entries.map(({ offset }) => offset);

/** Each entry names the tag of the one before; all tags differ. */
function expectChained(entries: readonly LogEntry[]): void {
  for (let i = 1; i < entries.length; i++) {
    expect(entries[i]!.previousTag).toBe(entries[i - 1]!.tag);
    expect(entries[i]!.offset).toBe(entries[i - 1]!.offset + 1);
  }
  expect(new Set(entries.map(({ tag }) => tag)).size).toBe(entries.length);
}

export const publishedTo = ({ messages }: Recorder): PublishedEntry[] =>
  messages.map(({ bytes }) => decodeLogEntry(bytes)!);

/** What the logs of every transport do. To be called within the `describe` of a transport. */
export function describeLogs(start: () => Promise<Recorder>): void {
  let lastChannel = 0;
  const newChannel = () => `log ${++lastChannel}`;

  it('appends under the offsets 1, 2, 3…, one epoch, and tags that form a chain', async () => {
    const { transport } = await start();
    const channel = newChannel();
    const before = Date.now();
    const results = [];
    for (const text of ['a', 'b', 'c']) results.push(await append(transport, channel, text));
    const { epoch } = results[0]!;
    expect(epoch).toMatch(/^[\w-]{8}$/);
    expect(results).toEqual([1, 2, 3].map((offset) => ({ epoch, offset, duplicate: false })));

    const { top, entries } = await transport.logs.read(channel, { limit: 10 }, LIMITS);
    expect(textsOf(entries)).toEqual(['a', 'b', 'c']);
    expect(offsets(entries)).toEqual([1, 2, 3]);
    expectChained(entries);
    expect(entries[0]!.previousTag).toBe('');
    expect(entries.every(({ tag }) => /^[\w-]{8}$/.test(tag))).toBe(true);
    expect(top).toEqual({ epoch, offset: 3, tag: entries[2]!.tag });
    for (const { publishedAtMs } of entries) {
      expect(Math.abs(publishedAtMs - before)).toBeLessThan(60_000);
    }
  });

  it('publishes what it appends, as it will be read', async () => {
    const [from, to] = [await start(), await start()];
    const channel = newChannel();
    await to.transport.subscribe([channel]);
    const { epoch } = await append(from.transport, channel, 'a');
    await append(from.transport, channel, 'b');
    await to.count(2);
    const entries = await entriesOf(from.transport, channel);
    expect(publishedTo(to)).toEqual(entries.map((entry) => ({ ...entry, epoch })));
    expect(to.messages.map((message) => message.channel)).toEqual([channel, channel]);
  });

  it('appends once per id, and answers with the first result, whoever tries again', async () => {
    const [one, two] = [await start(), await start()];
    const channel = newChannel();
    await two.transport.subscribe([channel]);
    const first = await append(one.transport, channel, 'a', { id: 'same' });
    await append(one.transport, channel, 'b');
    const again = await append(two.transport, channel, 'a', { id: 'same' });
    expect(again).toEqual({ ...first, duplicate: true });
    const atOnce = await Promise.all(
      [one, two, one, two].map(({ transport }) => append(transport, channel, 'c', { id: 'c' })),
    );
    expect(atOnce.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(atOnce.map(({ offset }) => offset))).toEqual(new Set([3]));
    await append(one.transport, channel, 'end');
    await two.count(4);
    expect(textsOf(publishedTo(two))).toEqual(['a', 'b', 'c', 'end']);
    expect(textsOf(await entriesOf(one.transport, channel))).toEqual(['a', 'b', 'c', 'end']);
  });

  it('forgets an id when its time is over, not before', async () => {
    const { transport } = await start();
    const channel = newChannel();
    const once = { id: 'short', idempotencyTtlMs: 100 };
    await append(transport, channel, 'kept', { id: 'long' });
    await append(transport, channel, 'a', once);
    await waitFor('the id to be forgotten', async () => {
      return !(await append(transport, channel, 'a', once)).duplicate;
    });
    expect((await append(transport, channel, 'kept', { id: 'long' })).duplicate).toBe(true);
  });

  it('keeps as many entries as the size says, the newest, and all of the chain', async () => {
    const { transport } = await start();
    const channel = newChannel();
    const limits = { size: 3 };
    for (const text of 'abcdefg') await append(transport, channel, text, { limits });
    const entries = await entriesOf(transport, channel);
    expect(textsOf(entries)).toEqual(['e', 'f', 'g']);
    expect(offsets(entries)).toEqual([5, 6, 7]);
    expectChained(entries);
    expect(entries[0]!.previousTag).toMatch(/^[\w-]{8}$/);
    await append(transport, channel, 'h', { limits: { size: 1 } });
    expect(textsOf(await entriesOf(transport, channel))).toEqual(['h']);
  });

  it('loses the entries when their time is over, and goes on with the numbering', async () => {
    const { transport } = await start();
    const channel = newChannel();
    const limits = { ttlMs: 100 };
    const { epoch } = await append(transport, channel, 'a', { limits });
    await waitFor('the entries to lapse', async () => {
      return (await entriesOf(transport, channel)).length === 0;
    });
    const [top] = await transport.logs.tops([channel], LIMITS);
    expect(top).toMatchObject({ epoch, offset: 1 });
    await append(transport, channel, 'b');
    const [entry] = await entriesOf(transport, channel);
    expect(entry).toMatchObject({ offset: 2, previousTag: top!.tag });
  });

  it('begins a new epoch, without the old entries, when nobody asked for so long', async () => {
    const { transport } = await start();
    const channel = newChannel();
    const limits = { metaTtlMs: 50 };
    const { epoch } = await append(transport, channel, 'a', { limits });
    await append(transport, channel, 'b', { limits });
    // Looking would keep it alive: another log of the same age tells when it is over.
    const mutant = newChannel();
    await append(transport, mutant, 'a', { limits: { ttlMs: 100 } });
    await waitFor('twice the time', async () => (await entriesOf(transport, mutant)).length === 0);
    const range = { limit: 10, follows: true };
    const { top, entries } = await transport.logs.read(channel, range, LIMITS);
    expect(top).toMatchObject({ offset: 0, tag: '' });
    expect(top.epoch).not.toBe(epoch);
    expect(entries).toEqual([]);
    expect(await append(transport, channel, 'c')).toMatchObject({ epoch: top.epoch, offset: 1 });
    expect(textsOf(await entriesOf(transport, channel))).toEqual(['c']);
  });

  it('gives a log that is asked for an epoch, and stays with it', async () => {
    const [one, two] = [await start(), await start()];
    const channels = [newChannel(), newChannel(), newChannel()];
    const tops = await one.transport.logs.tops(channels, LIMITS);
    expect(tops.map(({ offset, tag }) => ({ offset, tag }))).toEqual(
      channels.map(() => ({ offset: 0, tag: '' })),
    );
    expect(new Set(tops.map(({ epoch }) => epoch)).size).toBe(3);
    expect(await two.transport.logs.tops(channels, LIMITS)).toEqual(tops);
    expect((await two.transport.logs.read(channels[1]!, { limit: 5 }, LIMITS)).top).toEqual(
      tops[1],
    );
    const { epoch } = await append(two.transport, channels[2]!, 'a');
    expect(epoch).toBe(tops[2]!.epoch);
    expect(await one.transport.logs.tops([], LIMITS)).toEqual([]);
  });

  it('gives a log to which nothing was sent its epoch for a while, and one to which something was for longer', async () => {
    const { transport } = await start();
    const { logs } = transport;
    const [kept, sent, forgotten] = [newChannel(), newChannel(), newChannel()];
    const glance = async (channel: string) =>
      (await logs.read(channel, { limit: 1 }, LIMITS)).top.epoch;
    const [ofKept] = await logs.tops([kept], LIMITS);
    const { epoch: ofSent } = await append(transport, sent, 'a');
    const short = { ...LIMITS, emptyTtlMs: 20 };
    await logs.tops([sent], short);
    const [ofForgotten] = await logs.tops([forgotten], short);
    // To read it does not keep it.
    await waitFor('the end', async () => (await glance(forgotten)) !== ofForgotten!.epoch);
    expect([await glance(kept), await glance(sent)]).toEqual([ofKept!.epoch, ofSent]);
  });

  it('stores nothing for a reader who does not follow, and answers with the place where it begins', async () => {
    const { transport } = await start();
    const [used, unused] = [`{${newChannel()}}`, `{${newChannel()}}`];
    await transport.logs.prepare([`${used}:a`, `${used}:b`, `${unused}:a`]);
    const glance = async (channel: string) =>
      (await transport.logs.read(channel, { limit: 1 }, LIMITS)).top;
    const before = await glance(`${used}:a`);
    expect(before).toMatchObject({
      offset: 0,
      tag: '',
      epoch: expect.stringMatching(/^[\w-]{8}$/),
    });
    expect(await glance(`${used}:a`)).toEqual(before);
    const { epoch } = await append(transport, `${used}:a`, 'a');
    expect(epoch).not.toBe(before.epoch);
    expect(isSameBeginning(before.epoch, epoch)).toBe(true);
    const [followed] = await transport.logs.tops([`${used}:b`], LIMITS);
    expect(isSameBeginning(before.epoch, followed!.epoch)).toBe(true);
    expect(await glance(`${used}:b`)).toEqual(followed);
  });

  it('has the same beginning again where an epoch lapsed to which nothing was sent', async () => {
    const { transport } = await start();
    const channel = `{${newChannel()}}`;
    const short = { ...LIMITS, emptyTtlMs: 20 };
    const [first] = await transport.logs.tops([channel], short);
    await waitFor('the end of the epoch', async () => {
      const { top } = await transport.logs.read(channel, { limit: 1 }, short);
      return top.epoch !== first!.epoch;
    });
    const [second] = await transport.logs.tops([channel], short);
    expect(second!.epoch).not.toBe(first!.epoch);
    expect(isSameBeginning(first!.epoch, second!.epoch)).toBe(true);
  });

  it('says where 5,000 logs stand, in the order of the channels', async () => {
    const { transport } = await start();
    const prefix = newChannel();
    const channels = Array.from({ length: 5_000 }, (_, i) => `${prefix}/${i}`);
    const at = [0, 99, 100, 101, 2_500, 4_999];
    await Promise.all(at.map((i) => append(transport, channels[i]!, String(i))));
    const tops = await transport.logs.tops(channels, LIMITS);
    expect(tops).toHaveLength(5_000);
    expect(tops.flatMap(({ offset }, i) => (offset === 1 ? [i] : []))).toEqual(at);
    expect(await transport.logs.tops(channels.toReversed(), LIMITS)).toEqual(tops.toReversed());
  });

  it('reads from an offset on, both ways, and no more than asked for', async () => {
    const { transport } = await start();
    const channel = newChannel();
    const limits = { size: 90 };
    const appends = Array.from({ length: 100 }, (_, i) =>
      append(transport, channel, String(i + 1), { limits }),
    );
    await Promise.all(appends);
    const read = async (from: number | undefined, limit: number, reverse?: boolean) => {
      const { entries, top } = await transport.logs.read(channel, { from, limit, reverse }, LIMITS);
      expect(top.offset).toBe(100);
      expect(textsOf(entries)).toEqual(offsets(entries).map(String));
      return offsets(entries);
    };
    const upTo = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i);
    expect(await read(undefined, 1_000)).toEqual(upTo(11, 100));
    expect(await read(undefined, 3)).toEqual([11, 12, 13]);
    expect(await read(undefined, 0)).toEqual([]);
    expect(await read(0, 2)).toEqual([11, 12]);
    expect(await read(5, 2)).toEqual([11, 12]);
    expect(await read(50, 1)).toEqual([50]);
    expect(await read(50, 1_000)).toEqual(upTo(50, 100));
    expect(await read(100, 5)).toEqual([100]);
    expect(await read(101, 5)).toEqual([]);
    expect(await read(undefined, 1_000, true)).toEqual(upTo(11, 100).toReversed());
    expect(await read(undefined, 2, true)).toEqual([100, 99]);
    expect(await read(12, 5, true)).toEqual([12, 11]);
    expect(await read(1_000, 1, true)).toEqual([100]);
    expect(await read(10, 5, true)).toEqual([]);
  });

  it('reads less than asked for where entries are large, and the rest from there', async () => {
    const { transport } = await start();
    const channel = newChannel();
    const sizes = [
      10,
      LOG_READ_BYTES / 2,
      LOG_READ_BYTES / 3,
      LOG_READ_BYTES / 3,
      2 * LOG_READ_BYTES,
      5,
    ];
    for (const size of sizes) await append(transport, channel, Buffer.alloc(Math.floor(size), 7));
    const pages: number[][] = [];
    for (let from = 1; from <= sizes.length;) {
      const { entries } = await transport.logs.read(channel, { from, limit: 10 }, LIMITS);
      pages.push(offsets(entries));
      from = entries.at(-1)!.offset + 1;
    }
    expect(pages).toEqual([[1, 2, 3], [4], [5], [6]]);
  });

  it('keeps any bytes as they are: none, all values, a megabyte', async () => {
    const [from, to] = [await start(), await start()];
    const channel = newChannel();
    await to.transport.subscribe([channel]);
    const megabyte = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < megabyte.length; i++) megabyte[i] = i * 31 + (i >> 8);
    const all = [Buffer.alloc(0), Buffer.from(Array.from({ length: 256 }, (_, i) => i)), megabyte];
    for (const bytes of all) await append(from.transport, channel, bytes);
    await to.count(3);
    for (const [i, bytes] of all.entries()) {
      expect(publishedTo(to)[i]!.bytes.equals(bytes)).toBe(true);
      const { entries } = await from.transport.logs.read(
        channel,
        { from: i + 1, limit: 1 },
        LIMITS,
      );
      expect(entries[0]!.bytes.equals(bytes)).toBe(true);
    }
  });

  it('takes names and ids for what they are: no two meet', async () => {
    const { transport } = await start();
    const prefix = newChannel();
    const channels = HOSTILE_CHANNELS.map((name) => `${prefix}:${name}`);
    for (const channel of channels) {
      await append(transport, channel, channel, { id: 'one' });
      for (const id of HOSTILE_CHANNELS) {
        const { duplicate } = await append(transport, channel, id, { id: `${id}:1` });
        expect({ channel, id, duplicate }).toEqual({ channel, id, duplicate: false });
      }
    }
    for (const channel of channels) {
      const entries = await entriesOf(transport, channel);
      expect(textsOf(entries)).toEqual([channel, ...HOSTILE_CHANNELS]);
      expectChained(entries);
    }
    expect((await append(transport, `${prefix}:a`, '', { id: 'b:c' })).duplicate).toBe(false);
    expect((await append(transport, `${prefix}:a:b`, '', { id: 'c' })).duplicate).toBe(false);
    const empty = { id: '' };
    expect((await append(transport, `${prefix}:a`, '', empty)).duplicate).toBe(false);
    expect((await append(transport, `${prefix}:a`, '', empty)).duplicate).toBe(true);
  });

  it('keeps the order of 10,000 appends, over several logs', async () => {
    const [from, to] = [await start(), await start()];
    const channels = [newChannel(), newChannel(), newChannel()];
    await to.transport.subscribe(channels);
    const sent: Promise<Appended>[] = [];
    for (let i = 0; i < 10_000; i++) sent.push(append(from.transport, channels[i % 3]!, `${i}`));
    const results = await Promise.all(sent);
    expect(results.every(({ offset }, i) => offset === Math.floor(i / 3) + 1)).toBe(true);
    await to.count(10_000);
    expect(textsOf(publishedTo(to)).join()).toBe(results.map((_, i) => i).join());
  });

  it('stands in one order with what is published', async () => {
    const [from, to] = [await start(), await start()];
    const channel = newChannel();
    await to.transport.subscribe([channel]);
    const sent: Promise<unknown>[] = [];
    for (let i = 0; i < 5_000; i++) {
      const text = String(i).padStart(5, '0');
      if (i % 2 === 0) sent.push(append(from.transport, channel, text));
      else sent.push(from.transport.publish(channel, Buffer.from(text)));
    }
    await Promise.all([...sent, to.count(5_000)]);
    const numbers = to.messages.map(({ bytes }) => Number(bytes.subarray(-5)));
    expect(numbers).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
  });

  it('never takes what was withdrawn before it left, and what comes behind it in its order', async () => {
    const { transport } = await start();
    const channel = newChannel();
    const tickets = Array.from({ length: 5_000 }, () => new Ticket());
    const sent = tickets.map((ticket, i) =>
      transport.logs.append(
        {
          channel,
          id: `withdrawn ${i}`,
          bytes: Buffer.from(String(i)),
          idempotencyTtlMs: LONG_MS,
          limits: { ...LIMITS, size: 10_000 },
        },
        ticket,
      ),
    );
    const fates = Promise.allSettled(sent);
    const withdrawn = tickets.map((ticket, i) => i % 3 === 0 && ticket.withdraw());
    expect(withdrawn.filter(Boolean).length).toBeGreaterThan(0);
    for (const [i, { status }] of (await fates).entries())
      expect(status).toBe(withdrawn[i] ? 'rejected' : 'fulfilled');
    const left = withdrawn.flatMap((isWithdrawn, i) => (isWithdrawn ? [] : [String(i)]));
    expect(textsOf(await entriesOf(transport, channel, 10_000))).toEqual(left);
  });

  it('gives one order to several who append at once', async () => {
    const [one, two, three] = [await start(), await start(), await start()];
    const channel = newChannel();
    await three.transport.subscribe([channel]);
    const sent: Promise<Appended>[] = [];
    for (let i = 0; i < 500; i++) {
      sent.push(append(one.transport, channel, `one ${i}`, { limits: { size: 1_000 } }));
      sent.push(append(two.transport, channel, `two ${i}`, { limits: { size: 1_000 } }));
    }
    const results = await Promise.all(sent);
    await three.count(1_000);
    const entries = await entriesOf(one.transport, channel);
    expect(entries).toHaveLength(1_000);
    expectChained(entries);
    expect(textsOf(publishedTo(three))).toEqual(textsOf(entries));
    for (const who of ['one', 'two']) {
      const own = textsOf(entries).filter((text) => text.startsWith(who));
      expect(own).toEqual(Array.from({ length: 500 }, (_, i) => `${who} ${i}`));
    }
    expect(results.map(({ offset }) => offset).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => i + 1),
    );
  });

  it('names its line of data, the same for all', async () => {
    const [one, two] = [await start(), await start()];
    const replicationId = await one.transport.logs.replicationId();
    expect(replicationId).toMatch(/./);
    expect(await two.transport.logs.replicationId()).toBe(replicationId);
  });

  it('refuses, and does not throw, once it is closed', async () => {
    const { transport } = await start();
    const channel = newChannel();
    await transport.close();
    const asked = [
      append(transport, channel, 'a'),
      transport.logs.tops([channel], LIMITS),
      transport.logs.read(channel, { limit: 1 }, LIMITS),
      transport.logs.replicationId(),
    ];
    for (const { status } of await Promise.allSettled(asked)) expect(status).toBe('rejected');
  });
}
