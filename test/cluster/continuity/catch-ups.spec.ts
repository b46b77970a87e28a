import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CatchUps } from '../../../lib/cluster/continuity/catch-ups.js';
import type { Loss } from '../../../lib/cluster/continuity/cursor.js';
import type { FollowedLog } from '../../../lib/cluster/continuity/followed-log.js';
import type { Connection, PausedAt } from '../../../lib/cluster/connection.js';
import { encodeEnvelope, EnvelopeKind } from '../../../lib/cluster/wire/envelope.js';
import type { Batch } from '../../../lib/hub/batch.js';
import { Hub } from '../../../lib/hub/hub.js';
import { Turn } from '../../../lib/hub/turn.js';
import type { LogEntry, LogRange, LogRead, LogTop } from '../../../lib/transport/logs.js';
import { realProcess } from '../../support/real-process.js';
import { waitFor } from '../../support/wait-for.js';

const tagOf = (offset: number): string => (offset === 0 ? '' : `tag ${offset}`);

function entry(offset: number, previousTag = tagOf(offset - 1)): LogEntry {
  const bytes = encodeEnvelope({
    kind: EnvelopeKind.broadcast,
    origin: 'i'.repeat(16),
    sequence: offset,
    binary: false,
    mayRepeat: false,
    volatile: false,
    compress: true,
    target: Buffer.alloc(0),
    payload: Buffer.from(`${offset}`),
  });
  return { offset, tag: tagOf(offset), previousTag, publishedAtMs: 0, bytes };
}

/** A client that reads at once what it is written. */
class Member {
  readonly written: number[] = [];
  readonly paused = new Map<string, PausedAt>();
  readonly rooms = new Set(['r']);
  isOpen = true;
  lastRun = 0;
  /** How much it can take between two drains. */
  room = Infinity;
  #left = Infinity;

  constructor(at: PausedAt) {
    this.paused.set('c', at);
  }

  async drained(): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#left = this.room;
    return this.isOpen;
  }

  writeMissed({ frames }: Batch): boolean {
    if (--this.#left < 0) return false;
    for (const { payload } of frames) this.written.push(Number(payload));
    return true;
  }
}

const TURN = new Turn();

describe('bringing on a paused client', () => {
  const hub = new Hub('/', { turn: TURN, coalesceMs: 0 });
  let entries: LogEntry[];
  let position: LogTop;
  /** Undefined: where the others stand. */
  let top: LogTop | undefined;
  let reads: number;
  let limits: (number | undefined)[];
  let duringRead: () => void;
  let told: string[];
  let checks: number;
  /** Where the log once reached; undefined: no further than it stands. */
  let deliveredUpTo: number | undefined;
  let others: LogEntry[];
  let catchUps: CatchUps;

  const start = (at: PausedAt): Member => {
    const member = new Member(at);
    catchUps.start(member as unknown as Connection);
    return member;
  };

  beforeEach(() => {
    entries = [];
    reads = 0;
    limits = [];
    told = [];
    checks = 0;
    top = undefined;
    deliveredUpTo = undefined;
    others = [];
    duringRead = () => {};
    const log = {
      get position() {
        return position;
      },
      get deliveredUpTo() {
        return deliveredUpTo ?? position.offset;
      },
      hasAnother: (entry: LogEntry) => others.includes(entry),
      channel: 'c',
      label: '{"room":"r"}',
      route: { hub, room: 'r' },
    };
    catchUps = new CatchUps({
      logs: {
        async read(_: string, { from = 1, limit }: LogRange): Promise<LogRead> {
          reads++;
          limits.push(limit);
          const found = entries.filter(({ offset }) => offset >= from).slice(0, limit);
          duringRead();
          return { top: top ?? position, entries: found };
        },
      },
      followed: { get: () => log as unknown as FollowedLog, check: () => void checks++ },
      lost: (_, { reason, last }) => void told.push(`${reason} after ${last.offset}`),
    });
  });

  afterEach(() => catchUps.close());

  it('goes on from where it stands', async () => {
    entries = [1, 2, 3].map((offset) => entry(offset));
    position = { epoch: 'e', offset: 3, tag: tagOf(3) };
    const member = start({ epoch: 'e', offset: 1, tag: tagOf(1) });
    await waitFor('the end', () => member.paused.size === 0);
    expect(member.written).toEqual([2, 3]);
    expect(told).toEqual([]);
  });

  it('says a fork at the place where it stands, though nothing follows', async () => {
    entries = [entry(3)];
    position = { epoch: 'e', offset: 3, tag: tagOf(3) };
    const member = start({ epoch: 'e', offset: 3, tag: 'of another branch' });
    await waitFor('the end', () => member.paused.size === 0 || reads > 20);
    expect(told).toEqual(['forked after 3']);
    expect(reads).toBe(1);
  });

  it('writes nothing of a branch that the others are not on, until they are', async () => {
    const [old, ...branch] = [entry(2), entry(2), entry(3)];
    entries = branch;
    position = { epoch: 'e', offset: 2, tag: 'of another branch' };
    others = [branch[0]];
    const member = start({ epoch: 'e', offset: 1, tag: tagOf(1) });
    await waitFor('the doubt', () => checks === 1);
    expect(member.written).toEqual([]);
    position = { epoch: 'e', offset: 3, tag: tagOf(3) };
    others = [old];
    await waitFor('the end', () => member.paused.size === 0);
    expect(member.written).toEqual([2, 3]);
    expect(told).toEqual([]);
  });

  it.each([
    ['began anew', 'another', 9],
    ['lost its end', 'e', 1],
  ])('has it looked at whether the log %s, and waits', async (_, epoch, offset) => {
    top = { epoch, offset, tag: tagOf(offset) };
    position = { epoch: 'e', offset: 3, tag: tagOf(3) };
    const member = start({ epoch: 'e', offset: 1, tag: tagOf(1) });
    await waitFor('the doubt', () => checks === 1);
    position = top;
    deliveredUpTo = 3;
    await waitFor('the end', () => member.paused.size === 0);
    expect(member.written).toEqual([]);
    expect(told).toEqual([offset === 9 ? 'new-epoch after 1' : 'forked after 1']);
  });

  it('says what the others got beyond a place to which the log went back', async () => {
    position = { epoch: 'e', offset: 1, tag: tagOf(1) };
    deliveredUpTo = 2;
    const member = start({ epoch: 'e', offset: 1, tag: tagOf(1) });
    await waitFor('the end', () => member.paused.size === 0);
    expect(told).toEqual(['forked after 1']);
  });

  it('says first what all have lost, and goes on behind it', async () => {
    entries = [entry(5), entry(6)];
    position = { epoch: 'e', offset: 6, tag: tagOf(6) };
    const top = { epoch: 'e', offset: 4, tag: tagOf(4) };
    const untold: Loss = { reason: 'trimmed', last: { ...top, offset: 2 }, top };
    const member = start({ ...top, untold });
    await waitFor('the end', () => member.paused.size === 0);
    expect(told).toEqual(['trimmed after 2']);
    expect(member.written).toEqual([5, 6]);
  });

  it('says a hole within what was read', async () => {
    entries = [entry(2), entry(4)];
    position = { epoch: 'e', offset: 4, tag: tagOf(4) };
    const member = start({ epoch: 'e', offset: 1, tag: tagOf(1) });
    await waitFor('the end', () => member.paused.size === 0);
    expect(member.written).toEqual([2]);
    expect(told).toEqual(['trimmed after 2']);
  });

  it('writes nothing that was read before it left the room', async () => {
    entries = [entry(1)];
    position = { epoch: 'e', offset: 1, tag: tagOf(1) };
    const member = start({ epoch: 'e', offset: 0, tag: '' });
    duringRead = () => {
      member.rooms.delete('r');
      member.paused.delete('c');
    };
    await waitFor('the read', () => reads === 1);
    await member.drained();
    expect(member.written).toEqual([]);
    expect(member.paused.size).toBe(0);
  });

  it('reads no more than it can take while that is little, and then more and more', async () => {
    entries = Array.from({ length: 12 }, (_, n) => entry(n + 1));
    position = { epoch: 'e', offset: 12, tag: tagOf(12) };
    duringRead = () => (member.room = reads < 3 ? 1 : Infinity);
    const member = start({ epoch: 'e', offset: 0, tag: '' });
    member.room = 1;
    await waitFor('the end', () => member.paused.size === 0);
    expect(member.written).toEqual(entries.map(({ offset }) => offset));
    expect(limits).toEqual([64, 1, 2, 1, 2, 4, 8]);
  });

  it('tries again when it could be written nothing', async () => {
    entries = [entry(1)];
    position = { epoch: 'e', offset: 1, tag: tagOf(1) };
    duringRead = () => (member.room = reads < 5 ? 0 : 1);
    const member = start({ epoch: 'e', offset: 0, tag: '' });
    member.room = 0;
    await waitFor('the end', () => member.paused.size === 0);
    expect(member.written).toEqual([1]);
    expect(reads).toBe(6);
  });

  it('may wait for Redis with as many clients as there are', async () => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): void => void warnings.push(message);
    realProcess.on('warning', onWarning);
    try {
      position = { epoch: 'e', offset: 1, tag: tagOf(1) };
      duringRead = () => {
        throw new Error('Redis is away');
      };
      for (let n = 0; n < 20; n++) start({ epoch: 'e', offset: 0, tag: '' });
      await waitFor('the reads', () => reads === 20);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(warnings).toEqual([]);
    } finally {
      realProcess.off('warning', onWarning);
    }
  });
});
