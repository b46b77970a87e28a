import { beforeEach, describe, expect, it } from '@jest/globals';
import { HistoryReader } from '../../../../lib/cluster/history/reader/history-reader.js';
import { HistoryRules } from '../../../../lib/cluster/common/history-rules.js';
import { ChannelNames } from '../../../../lib/cluster/wire/channels.js';
import { historyRules } from '../../../../lib/module/history-option.js';
import { epochOf } from '../../../../lib/transport/log-epoch.js';
import type { LogEntry, LogRange, LogRead } from '../../../../lib/transport/logs.js';

/** What one read answers with at most, as where entries are large. */
const ENTRIES_A_READ = 3;

const ROOM = { kind: 'room', name: 'r' } as const;

/** A log that may become another after some reads. */
class ChangingLog {
  reads: LogRange[] = [];
  /** What follows after so many reads. */
  changes = new Map<number, { epoch: string; tags: string; trimmed?: number }>();
  #epoch = 'e1';
  /** A character an entry. */
  #tags: string;
  /** So many entries are kept no longer. */
  #trimmed = 0;

  constructor(tags: string) {
    this.#tags = tags;
  }

  read = (_: string, range: LogRange): Promise<LogRead> => {
    const change = this.changes.get(this.reads.length);
    if (change) ({ epoch: this.#epoch, tags: this.#tags, trimmed: this.#trimmed = 0 } = change);
    this.reads.push(range);
    const { from, limit, reverse } = range;
    const all = this.#tags.split('').map((tag, i) => entry(i + 1, tag, this.#tags[i - 1] ?? ''));
    const sorted = reverse ? all.toReversed() : all;
    const kept = sorted.filter(({ offset }) => offset > this.#trimmed);
    const pendingRead = kept.filter(({ offset }) =>
      reverse ? offset <= (from ?? Infinity) : offset >= (from ?? 1),
    );
    const top = { epoch: this.#epoch, offset: all.length, tag: this.#tags.at(-1) ?? '' };
    return Promise.resolve({ top, entries: pendingRead.slice(0, Math.min(limit, ENTRIES_A_READ)) });
  };
}

function entry(offset: number, tag: string, previousTag: string): LogEntry {
  return { offset, tag, previousTag, publishedAtMs: 0, bytes: Buffer.from(tag) };
}

function readerOf(logs: ChangingLog): HistoryReader {
  const rules = historyRules([{ rooms: '*', size: 100, ttlMs: 60_000 }]);
  const channels = new ChannelNames(['key']);
  return new HistoryReader({ logs, rules: new HistoryRules(rules), channels });
}

describe('a history that is read in several steps', () => {
  let log: ChangingLog;
  let reader: HistoryReader;

  beforeEach(() => {
    log = new ChangingLog('abcdefgh');
    reader = readerOf(log);
  });

  const tagsOf = async (options = {}) => {
    const { epoch, entries } = await reader.read('/', ROOM, options);
    return [epoch, entries.map(({ raw }) => String(raw)).join('')];
  };

  it('is put together', async () => {
    expect(await tagsOf()).toEqual(['e1', 'abcdefgh']);
    expect(await tagsOf({ reverse: true })).toEqual(['e1', 'hgfedcba']);
    expect(await tagsOf({ since: 2, limit: 4 })).toEqual(['e1', 'cdef']);
  });

  it.each([false, true])('never mixes two epochs (reverse: %s)', async (reverse) => {
    log.changes.set(2, { epoch: 'e2', tags: 'stuvw' });
    expect(await tagsOf({ reverse })).toEqual(['e2', reverse ? 'wvuts' : 'stuvw']);
  });

  it('ends where a new epoch has nothing', async () => {
    log.changes.set(1, { epoch: 'e2', tags: '' });
    expect(await tagsOf()).toEqual(['e2', '']);
  });

  it.each([
    [false, 'efghij'],
    [true, 'jihgfe'],
  ])('has no hole where it was trimmed meanwhile (reverse: %s)', async (reverse, tags) => {
    log = new ChangingLog('abcdefghij');
    log.changes.set(1, { epoch: 'e1', tags: 'abcdefghij', trimmed: 4 });
    log.changes.set(2, { epoch: 'e1', tags: 'abcdefghij', trimmed: 7 });
    const page = await readerOf(log).read('/', ROOM, { reverse, since: 0 });
    expect(page.entries.map(({ raw }) => String(raw)).join('')).toBe(tags);
    expect(page.complete).toBe(false);
  });

  it.each([false, true])('never mixes two branches (reverse: %s)', async (reverse) => {
    log.changes.set(1, { epoch: 'e1', tags: 'abXYZ' });
    expect(await tagsOf({ reverse })).toEqual(['e1', reverse ? 'ZYXba' : 'abXYZ']);
  });
});

describe('a history that is read from before its first message', () => {
  const DAY_MS = 24 * 60 * 60 * 1_000;
  const begunAt = (daysAgo: number, data = 'abc') =>
    epochOf(data, Date.now() - daysAgo * DAY_MS, `random-${daysAgo}`);

  async function read(since: { epoch: string; offset: number }, tags = 'xyz', trimmed = 0) {
    const log = new ChangingLog('');
    log.changes.set(0, { epoch: begunAt(0), tags, trimmed });
    const page = await readerOf(log).read('/', ROOM, { since });
    return [page.complete, page.entries.map(({ raw }) => String(raw)).join('')];
  }

  it('is complete where only an empty epoch has come and gone since', async () => {
    expect(await read({ epoch: begunAt(0.5), offset: 0 })).toEqual([true, 'xyz']);
    expect(await read({ epoch: begunAt(0), offset: 0 }, '')).toEqual([true, '']);
  });

  it('is not where the first messages are gone', async () => {
    expect(await read({ epoch: begunAt(0.5), offset: 0 }, 'xyz', 1)).toEqual([false, 'yz']);
  });

  it('is not where messages may have come and gone since', async () => {
    expect(await read({ epoch: begunAt(2), offset: 0 })).toEqual([false, 'xyz']);
    expect(await read({ epoch: begunAt(0, 'def'), offset: 0 })).toEqual([false, 'xyz']);
    expect(await read({ epoch: begunAt(0.5), offset: 1 })).toEqual([false, 'xyz']);
    expect(await read({ epoch: 'of a hand', offset: 0 })).toEqual([false, 'xyz']);
  });
});
