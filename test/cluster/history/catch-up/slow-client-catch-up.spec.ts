import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SlowClientCatchUp } from '../../../../lib/cluster/history/catch-up/slow-client-catch-up.js';
import type { Loss } from '../../../../lib/cluster/local/connection.js';
import type { LogConsumer } from '../../../../lib/cluster/history/consuming/log-consumer.js';
import type { Connection, PausedPosition } from '../../../../lib/cluster/local/connection.js';
import { encodeEnvelope, EnvelopeKind } from '../../../../lib/cluster/wire/envelope.js';
import type { Batch } from '../../../../lib/hub/batch.js';
import { Hub } from '../../../../lib/hub/hub.js';
import { FlushScheduler } from '../../../../lib/hub/flush-scheduler.js';
import { epochOf } from '../../../../lib/transport/log-epoch.js';
import type { LogEntry, LogRange, LogRead, LogTop } from '../../../../lib/transport/logs.js';
import { realProcess } from '../../../support/real-process.js';
import { waitFor } from '../../../support/wait-for.js';

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
  readonly paused = new Map<string, PausedPosition>();
  readonly rooms = new Set(['r']);
  readonly isPausable = true;
  userId: string | undefined;
  isOpen = true;
  behind = false;
  lastBroadcast = 0;
  /** How much it can take between two drains. */
  room = Infinity;
  #left = Infinity;

  constructor(
    at?: PausedPosition,
    readonly id = '',
  ) {
    if (at) this.paused.set('c', at);
  }

  isBackpressured(): boolean {
    return this.behind;
  }

  pauseLog(log: string, at: PausedPosition): void {
    this.paused.set(log, at);
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

const TURN = new FlushScheduler();

describe('bringing on a paused client', () => {
  const hub = new Hub<Connection>('/', { turn: TURN, coalesceMs: 0 });
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
  let pendingRead: object | undefined;
  let log: LogConsumer;
  let catchUps: SlowClientCatchUp;

  const start = (at: PausedPosition): Member => {
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
    pendingRead = undefined;
    duringRead = () => {};
    const followed = {
      get position() {
        return position;
      },
      get deliveredUpTo() {
        return deliveredUpTo ?? position.offset;
      },
      get pendingRead() {
        return pendingRead;
      },
      hasAnother: (entry: LogEntry) => others.includes(entry),
      channel: 'c',
      label: '{"room":"r"}',
      route: { hub, room: 'r' },
    };
    log = followed as unknown as LogConsumer;
    catchUps = new SlowClientCatchUp({
      logs: {
        async read(_: string, { from = 1, limit }: LogRange): Promise<LogRead> {
          reads++;
          limits.push(limit);
          const found = entries.filter(({ offset }) => offset >= from).slice(0, limit);
          duringRead();
          return { top: top ?? position, entries: found };
        },
      },
      followed: { get: () => log, check: () => void checks++ },
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

  it('goes on before all that was sent when an epoch lapsed to which nothing was', async () => {
    entries = [1, 2].map((offset) => entry(offset));
    const [earlier, later] = ['one', 'two'].map((name) => epochOf('abc', Date.now(), name));
    position = { epoch: later!, offset: 2, tag: tagOf(2) };
    const { written, paused } = start({ epoch: earlier!, offset: 0, tag: '' });
    await waitFor('the client to be there', () => paused.size === 0);
    expect([written, told]).toEqual([[1, 2], []]);
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

  it('waits while the others are on their way back', async () => {
    entries = [entry(3), entry(4)];
    position = { epoch: 'e', offset: 1, tag: tagOf(1) };
    pendingRead = {};
    const member = start({ epoch: 'e', offset: 2, tag: tagOf(2) });
    await waitFor('the doubt', () => checks === 1);
    position = { epoch: 'e', offset: 4, tag: tagOf(4) };
    pendingRead = undefined;
    await waitFor('the end', () => member.paused.size === 0);
    expect(member.written).toEqual([3, 4]);
    expect(told).toEqual([]);
  });

  it('brings on nobody in a room that it has left', async () => {
    position = { epoch: 'e', offset: 1, tag: tagOf(1) };
    const member = new Member({ epoch: 'e', offset: 0, tag: '' });
    member.rooms.clear();
    catchUps.start(member as unknown as Connection);
    await waitFor('the end', () => member.paused.size === 0);
    expect(reads).toBe(0);
  });

  it('leaves to each what it lacks itself of what all have lost, and tells it when it has read', () => {
    const position = (offset: number, epoch = 'e'): LogTop => ({
      epoch,
      offset,
      tag: tagOf(offset),
    });
    const [paused, behind, reading, late] = ['a', 'b', 'c', 'd'].map((id) => {
      const member = new Member(id === 'a' ? position(50) : undefined, id);
      member.rooms.clear();
      hub.add(member as unknown as Connection);
      hub.join(member as unknown as Connection, 'r');
      return member;
    }) as [Member, Member, Member, Member];
    behind.behind = true;
    const [first, second] = [position(0, 'f'), position(7, 'f')];
    catchUps.reportLossToAll(log, { reason: 'new-epoch', last: position(100), top: first }, () => {
      told.push('all');
      late.behind = true;
    });
    catchUps.reportLossToAll(log, { reason: 'trimmed', last: first, top: second }, () => {});
    const unreportedLoss = (last: LogTop): Loss => ({ reason: 'new-epoch', last, top: second });
    expect(told).toEqual(['all']);
    expect(paused.paused.get('c')).toEqual({
      ...second,
      unreportedLoss: unreportedLoss(position(50)),
    });
    expect(behind.paused.get('c')).toEqual({
      ...second,
      unreportedLoss: unreportedLoss(position(100)),
    });
    expect(late.paused.get('c')).toEqual({
      ...second,
      unreportedLoss: unreportedLoss(position(100)),
    });
    expect(reading.paused.size).toBe(0);
    for (const member of [paused, behind, reading, late])
      hub.remove(member as unknown as Connection);
  });

  it.each([
    ['a user', { user: 'u' }, 1],
    ['everyone', {}, 2],
  ])('leaves to those that it is of what %s lost', (_, group, count) => {
    const members = ['u', 'v'].map((userId) => {
      const member = new Member(undefined, userId);
      member.userId = userId;
      member.behind = true;
      hub.add(member as unknown as Connection);
      return member;
    });
    const top: LogTop = { epoch: 'e', offset: 9, tag: tagOf(9) };
    const ofGroup = { channel: 'c', route: { hub, ...group } } as LogConsumer;
    catchUps.reportLossToAll(
      ofGroup,
      { reason: 'trimmed', last: { ...top, offset: 2 }, top },
      () => {},
    );
    const left = members.map(({ paused }) => paused.get('c')?.unreportedLoss?.last.offset);
    expect(left).toEqual([2, count === 2 ? 2 : undefined]);
    for (const member of members) hub.remove(member as unknown as Connection);
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
    const unreportedLoss: Loss = { reason: 'trimmed', last: { ...top, offset: 2 }, top };
    const member = start({ ...top, unreportedLoss });
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
