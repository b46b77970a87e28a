import { beforeEach, describe, expect, it } from '@jest/globals';

import {
  Cursor,
  CURSOR_LIMITS,
  type CursorCounters,
  type CursorOutcome,
} from '../../../../lib/cluster/history/consuming/cursor.js';
import type { LogTop, PublishedEntry } from '../../../../lib/transport/logs.js';
import { ModelLog, readOf, topOf } from '../model-log.js';

const NOTHING: CursorOutcome = { lost: undefined, deliver: [], read: undefined };

describe('a cursor', () => {
  let log: ModelLog;
  let cursor: Cursor;
  let counters: CursorCounters;

  const append = (times: number): PublishedEntry[] =>
    Array.from({ length: times }, () => log.append());
  const top = (): LogTop => topOf(log.now);
  /** What the cursor wants is read from the log as it is. */
  const repair = (): CursorOutcome =>
    cursor.repaired(cursor.pendingRead!, readOf(log.now, cursor.pendingRead!));
  const arrive = (...entries: PublishedEntry[]): CursorOutcome[] =>
    entries.map((entry) => cursor.arrive(entry));

  beforeEach(() => {
    log = new ModelLog();
    counters = { repeated: 0, gaps: 0, repaired: 0 };
    cursor = new Cursor(counters);
  });

  describe('that is not placed yet', () => {
    it('stands nowhere, and holds what arrives', () => {
      expect(arrive(...append(2))).toEqual([NOTHING, NOTHING]);
      expect([cursor.state, cursor.position]).toEqual(['subscribing', undefined]);
    });

    it('begins at the first top, and goes on with what is held beyond it', () => {
      const [one, two] = append(2);
      const first = top();
      const [three, four] = append(2);
      arrive(one!, two!, three!, four!);
      expect(cursor.placed(first)).toEqual({ ...NOTHING, deliver: [three, four] });
      expect([cursor.state, cursor.position]).toEqual(['live', top()]);
    });

    it('reads what is missing between the first top and what is held', () => {
      append(2);
      const first = top();
      const [three, four] = append(2);
      arrive(four!);
      expect(cursor.placed(first).read).toEqual({ from: 3, limit: 256 });
      expect(cursor.state).toBe('repairing');
      expect(repair()).toEqual({ ...NOTHING, deliver: [three, four] });
      expect(cursor.state).toBe('live');
    });
  });

  describe('that is live', () => {
    beforeEach(() => {
      cursor.placed(top());
    });

    it('delivers what follows', () => {
      const [one, two] = append(2);
      expect(arrive(one!, two!)).toEqual([
        { ...NOTHING, deliver: [one] },
        { ...NOTHING, deliver: [two] },
      ]);
      expect(cursor.position).toEqual(top());
      expect(counters).toEqual({ repeated: 0, gaps: 0, repaired: 0 });
    });

    it('drops doubles, and counts them', () => {
      const entries = append(CURSOR_LIMITS.remembered);
      arrive(...entries);
      expect(arrive(...entries)).toEqual(entries.map(() => NOTHING));
      expect(cursor.state).toBe('live');
      expect(counters).toMatchObject({ repeated: entries.length, gaps: 0 });
    });

    it('is not led by a double that it cannot remember, but asks', () => {
      const entries = append(CURSOR_LIMITS.remembered + 1);
      arrive(...entries);
      expect(cursor.arrive(entries[0]!).read).toEqual({ from: 66, limit: 256 });
      expect(repair()).toEqual(NOTHING);
      expect(cursor.state).toBe('live');
    });

    it('reads what a gap left out, and delivers what came meanwhile after it', () => {
      const [one, two, three, four] = append(4);
      arrive(one!);
      expect(cursor.arrive(three!)).toEqual({ ...NOTHING, read: { from: 2, limit: 256 } });
      const { pendingRead } = cursor;
      const read = readOf(log.now, pendingRead!);
      const [five] = append(1);
      expect(arrive(four!, five!)).toEqual([NOTHING, NOTHING]);
      expect(cursor.repaired(pendingRead!, read)).toEqual({
        ...NOTHING,
        deliver: [two, three, four, five],
      });
      expect([cursor.state, cursor.position]).toEqual(['live', top()]);
      expect(counters).toEqual({ repeated: 2, gaps: 1, repaired: 3 });
    });

    it('reads on until it has reached the top', () => {
      const entries = append(600);
      expect(cursor.arrive(entries.at(-1)!).read).toEqual({ from: 1, limit: 256 });
      expect(repair()).toEqual({
        lost: undefined,
        deliver: entries.slice(0, 256),
        read: { from: 257, limit: 256 },
      });
      expect(repair().deliver).toEqual(entries.slice(256, 512));
      expect(repair()).toEqual({ ...NOTHING, deliver: entries.slice(512) });
      expect(cursor.state).toBe('live');
    });

    it('keeps wanting a read that failed', () => {
      const [, two] = append(2);
      const { read } = cursor.arrive(two!);
      expect(cursor.pendingRead).toBe(read);
      expect(repair().deliver).toHaveLength(2);
      expect(cursor.pendingRead).toBeUndefined();
    });

    it('reads nothing when a look finds it at the top, and else from where it stands', () => {
      arrive(...append(3));
      expect(cursor.placed(top())).toEqual(NOTHING);
      const [four] = append(1);
      expect(cursor.placed(top()).read).toEqual({ from: 4, limit: 256 });
      expect(repair()).toEqual({ ...NOTHING, deliver: [four] });
    });
  });

  describe('that is suspended', () => {
    beforeEach(() => {
      cursor.placed(top());
      arrive(...append(2));
      cursor.suspend();
    });

    it('holds what arrives until it is placed anew', () => {
      const [three] = append(1);
      expect(arrive(three!)).toEqual([NOTHING]);
      expect(cursor.state).toBe('subscribing');
      expect(cursor.placed(top()).read).toEqual({ from: 3, limit: 256 });
      expect(repair()).toEqual({ ...NOTHING, deliver: [three] });
    });

    it('takes no answer to a wish from before', () => {
      cursor.placed({ ...top(), offset: 3, tag: 'x' });
      const { pendingRead } = cursor;
      cursor.suspend();
      append(1);
      expect(cursor.repaired(pendingRead!, readOf(log.now, pendingRead!))).toEqual(NOTHING);
      expect(cursor.position!.offset).toBe(2);
    });
  });

  describe('says what is lost', () => {
    beforeEach(() => {
      cursor.placed(top());
      arrive(...append(3));
    });

    it.each<[string, () => void]>([
      ['trimmed', () => log.trim(2)],
      ['trimmed', () => log.trim(0)],
    ])('%s', (reason, befall) => {
      const last = top();
      append(3);
      befall();
      cursor.placed(top());
      expect(repair()).toEqual({ ...NOTHING, lost: { reason, last, top: top() } });
      expect([cursor.state, cursor.position]).toEqual(['live', top()]);
      const [next] = append(1);
      expect(cursor.arrive(next!).deliver).toEqual([next]);
    });

    it('new-epoch: and goes on with all of it', () => {
      const last = top();
      log.begin();
      const start = top();
      const entries = append(3);
      cursor.arrive(entries[2]!);
      const lost = { reason: 'new-epoch', last, top: start };
      expect(repair()).toEqual({ lost, deliver: [], read: { from: 1, limit: 256 } });
      expect(repair()).toEqual({ ...NOTHING, deliver: entries });
    });

    it('new-epoch: which has no entry yet', () => {
      const last = top();
      log.begin();
      cursor.placed(top());
      expect(repair()).toEqual({ ...NOTHING, lost: { reason: 'new-epoch', last, top: top() } });
      expect([cursor.state, cursor.position]).toEqual(['live', top()]);
    });

    it('nothing: where an epoch lapsed to which nothing was sent', () => {
      log = new ModelLog();
      cursor = new Cursor(counters);
      cursor.placed(top());
      log.lapse();
      expect(cursor.placed(top())).toEqual(NOTHING);
      expect(cursor.position).toEqual(top());
      log.lapse();
      const entries = append(3);
      // As the channel brings it, and as a look finds it.
      expect(cursor.arrive(entries[2]!).read).toEqual({ from: 1, limit: 256 });
      expect(repair()).toEqual({ ...NOTHING, deliver: entries });
      expect(cursor.state).toBe('live');
    });

    it('trimmed: where entries of the epoch after such a one are kept no more', () => {
      log = new ModelLog();
      cursor = new Cursor(counters);
      cursor.placed(top());
      const last = top();
      log.lapse();
      append(3);
      log.trim(2);
      cursor.placed(top());
      const lost = { reason: 'trimmed', last: { ...last, epoch: top().epoch }, top: top() };
      expect(repair()).toEqual({ ...NOTHING, lost });
    });

    it('new-epoch: where it cannot know that nothing was sent', () => {
      log = new ModelLog();
      cursor = new Cursor(counters);
      cursor.placed(top());
      const last = top();
      // It is deaf, and Redis is emptied.
      append(3);
      log.begin();
      append(1);
      const start = { ...top(), offset: 0, tag: '' };
      cursor.placed(top());
      expect(repair().lost).toEqual({ reason: 'new-epoch', last, top: start });
      expect(repair().deliver).toHaveLength(1);
    });

    it('forked: further back than it remembers', () => {
      arrive(...append(CURSOR_LIMITS.remembered));
      const last = top();
      log.failOver(CURSOR_LIMITS.remembered);
      const [four] = append(1);
      expect(cursor.arrive(four!).read).toEqual({ from: 68, limit: 256 });
      expect(repair().read).toEqual({ from: 5, limit: 256 });
      expect(repair()).toEqual({ ...NOTHING, lost: { reason: 'forked', last, top: top() } });
    });

    it('before it delivers what came after it', () => {
      append(3);
      log.trim(1);
      cursor.placed(top());
      const read = readOf(log.now, cursor.pendingRead!);
      const [seven] = append(1);
      cursor.arrive(seven!);
      const { lost, deliver } = cursor.repaired(cursor.pendingRead!, read);
      expect([lost!.top.offset, deliver]).toEqual([6, [seven]]);
    });

    it('where the log has a hole', () => {
      append(4);
      cursor.placed(top());
      const { entries, ...read } = readOf(log.now, cursor.pendingRead!);
      const holey = { ...read, entries: entries.filter(({ offset }) => offset !== 5) };
      expect(cursor.repaired(cursor.pendingRead!, holey)).toMatchObject({
        deliver: [{ offset: 4 }],
        read: { from: 5 },
      });
      const rest = { ...holey, entries: holey.entries.filter(({ offset }) => offset >= 5) };
      expect(cursor.repaired(cursor.pendingRead!, rest)).toMatchObject({
        lost: { reason: 'trimmed', last: { offset: 4 }, top: { offset: 7 } },
        deliver: [],
        read: undefined,
      });
    });
  });

  describe('whose log forked', () => {
    beforeEach(() => {
      cursor.placed(top());
      arrive(...append(5));
    });

    it('delivers the new branch from where both part', () => {
      log.failOver(2);
      const branch = append(4);
      expect(cursor.arrive(branch[3]!).read).toEqual({ from: 6, limit: 256 });
      expect(repair().read).toEqual({ from: 1, limit: 256 });
      expect(repair()).toEqual({ ...NOTHING, deliver: branch });
    });

    it('goes back with a log that lost its end, and delivers that only once when it is there again', () => {
      const [six, seven] = append(2);
      arrive(six!, seven!);
      const newest = log.now;
      log.failOver(2);
      cursor.placed(top());
      expect(repair()).toEqual(NOTHING);
      expect(cursor.position).toEqual(top());
      expect(arrive(six!)).toEqual([NOTHING]);
      cursor.placed(topOf(newest));
      expect(cursor.repaired(cursor.pendingRead!, readOf(newest, cursor.pendingRead!))).toEqual(
        NOTHING,
      );
      expect(cursor.position).toEqual(topOf(newest));
    });

    it('asks once more for what it heard of and the log does not know, and then gives it up', () => {
      const [, seven] = append(2);
      cursor.arrive(seven!);
      log.failOver(2);
      expect(repair()).toEqual({ ...NOTHING, read: { from: 6, limit: 256 } });
      expect(repair()).toEqual(NOTHING);
      expect([cursor.state, cursor.position]).toEqual(['live', top()]);
    });
  });

  describe('that holds too much', () => {
    it.each([
      ['entries', { ...CURSOR_LIMITS, heldEntries: 3 }],
      ['bytes', { ...CURSOR_LIMITS, heldBytes: 39 }], // of 10 each
    ])('%s, reads what it let go', (_what, limits) => {
      cursor = new Cursor(counters, limits);
      const first = top();
      const entries = append(5);
      arrive(...entries);
      expect(cursor.placed(first)).toMatchObject({ deliver: [], read: { from: 1 } });
      expect(repair().deliver).toEqual(entries);
    });

    it('with all others, reads what it let go, and holds the newest alone', () => {
      const limits = { ...CURSOR_LIMITS, heldBytesOfAll: 39 }; // of 10 each
      const total = { bytes: 30 };
      cursor = new Cursor(counters, limits, total);
      const first = top();
      const entries = append(5);
      arrive(...entries);
      expect(total.bytes).toBe(40);
      expect(cursor.placed(first)).toMatchObject({ deliver: [], read: { from: 1 } });
      expect(repair().deliver).toEqual(entries);
      expect(total.bytes).toBe(30);
    });

    it('counts it for all no longer once nobody follows the log', () => {
      const total = { bytes: 0 };
      cursor = new Cursor(counters, CURSOR_LIMITS, total);
      arrive(...append(3));
      expect(total.bytes).toBe(30);
      cursor.close();
      expect(total.bytes).toBe(0);
    });

    it('of one entry that is larger than all may be, keeps it', () => {
      cursor = new Cursor(counters, { ...CURSOR_LIMITS, heldBytes: 5 });
      const first = top();
      const entries = append(1);
      arrive(...entries);
      expect(cursor.placed(first).deliver).toEqual(entries);
    });
  });
});
