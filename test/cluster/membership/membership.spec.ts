import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { InstanceRecord } from '../../../lib/cluster/membership/instance-record.js';
import { Membership, type MemberList } from '../../../lib/cluster/membership/membership.js';

const record = (id: string, former: string[] = []): InstanceRecord => ({
  id,
  host: 'h',
  pid: 1,
  startedAt: 1,
  connections: 0,
  hubs: [],
  listens: [],
  former,
  live: undefined,
});

describe('The roll', () => {
  let news: string[];
  let roll: Membership;

  beforeEach(() => {
    news = [];
    roll = new Membership({
      joined: ({ id }) => news.push(`+${id}`),
      gone: ({ id }, how) => news.push(`-${id} ${how}`),
    });
  });

  const ids = () => roll.all().map(({ id }) => id);

  /** A list of leases that is believed, unless it says otherwise. */
  const call = (records: InstanceRecord[], rest: Partial<MemberList> = {}): string[] =>
    roll
      .update({
        records,
        unreadable: [],
        departed: [],
        time: roll.time,
        isComplete: true,
        ...rest,
      })
      .map(({ id }) => id);

  it('does not tell of those that were there before', () => {
    call([record('a')]);
    expect([ids(), news]).toEqual([['a'], []]);
    call([record('a'), record('b')]);
    expect(news).toEqual(['+b']);
  });

  it('takes out who is not called any more', () => {
    call([record('a'), record('b')]);
    expect(call([record('b')])).toEqual(['b']);
    expect(news).toEqual(['-a lost']);
  });

  it('keeps one that joined after the leases were asked for, and does not count on it', () => {
    call([]);
    const { time } = roll;
    call([record('a')]);
    expect(call([], { time })).toEqual([]);
    expect([ids(), news]).toEqual([['a'], ['+a']]);
    expect(call([])).toEqual([]);
    expect(ids()).toEqual([]);
  });

  it('loses nobody while a lease that is not there may be missing for another reason', () => {
    call([record('a'), record('b')]);
    expect(call([record('c')], { isComplete: false })).toEqual(['a', 'b', 'c']);
    expect(call([], { isComplete: false })).toEqual(['a', 'b', 'c']);
    expect(news).toEqual(['+c']);
    call([record('b')]);
    expect(news).toEqual(['+c', '-a lost', '-c lost']);
  });

  it('keeps what it knows of an instance whose lease says nothing intelligible', () => {
    call([record('a')]);
    expect(call([], { unreadable: ['a', 'unknown'] })).toEqual(['a']);
    expect(news).toEqual([]);
  });

  it('does not let one return that has gone since the leases were asked for', () => {
    call([record('a')]);
    const { time } = roll;
    roll.remove('a', 'left');
    expect(call([record('a')], { time })).toEqual([]);
    expect([ids(), news]).toEqual([[], ['-a left']]);
  });

  it('believes a lease that was asked for after a goodbye: the goodbye was forged, or late', () => {
    call([record('a')]);
    roll.remove('a', 'left');
    expect(call([record('a')])).toEqual(['a']);
    expect(news).toEqual(['-a left', '+a']);
  });

  it('replaces the former ids of an instance', () => {
    call([record('a')]);
    call([record('b', ['a'])]);
    expect(news).toEqual(['-a lost', '+b']);
    expect(ids()).toEqual(['b']);
  });

  it('does so also while nobody else is lost', () => {
    call([record('a'), record('c')]);
    call([record('b', ['a'])], { isComplete: false });
    expect(ids()).toEqual(['c', 'b']);
  });

  it.each(['intelligible', 'unreadable'])(
    'buries nobody whose %s lease lives, whoever claims the id as a former one',
    (how) => {
      call([record('a'), record('b')]);
      const forged = record('c', ['a', 'b']);
      if (how === 'unreadable') call([forged], { unreadable: ['a', 'b'] });
      else call([forged, record('a'), record('b')]);
      expect(ids()).toEqual(['a', 'b', 'c']);
      expect(news).toEqual(['+c']);
    },
  );

  it('bounds what it remembers of goodbyes', () => {
    call([record('a')]);
    const { time } = roll;
    for (let i = 0; i < 10_000; i++) roll.remove(`forged ${i}`, 'left');
    roll.remove('a', 'left');
    for (let i = 0; i < 1_000; i++) roll.remove(`late ${i}`, 'left');
    expect(call([record('a')], { time })).toEqual([]);
    expect(news).toEqual(['-a left']);
  });

  describe('of one that gave up its lease', () => {
    beforeEach(() => {
      jest.useFakeTimers();
      call([record('a')]);
      call([], { departed: ['a'] });
    });
    afterEach(() => void jest.useRealTimers());

    it('counts on it no more, and waits for its goodbye, which comes behind its answers', () => {
      expect([ids(), news]).toEqual([[], []]);
      roll.remove('a', 'left');
      expect(news).toEqual(['-a left']);
    });

    it('says that it left, and not that it was lost, when the goodbye never comes', () => {
      jest.advanceTimersByTime(1_999);
      call([]);
      expect(news).toEqual([]);
      jest.advanceTimersByTime(1);
      call([]);
      expect(news).toEqual(['-a left']);
    });

    it('has it again when it has a lease again', () => {
      expect(call([record('a')])).toEqual(['a']);
      expect(news).toEqual([]);
    });
  });

  describe('of one that says that it lives, and has no lease', () => {
    const later = () => performance.now() + 60_000;

    it('believes it of a stranger only where that is allowed', () => {
      call([]);
      expect(roll.lives(record('a'), later(), false)).toBe(false);
      expect(roll.lives(record('b'), later(), true)).toBe(true);
      expect([ids(), news]).toEqual([['b'], ['+b']]);
      expect(call([])).toEqual(['b']);
    });

    it('does not lose one that it knows until its word is old', () => {
      call([record('a')]);
      expect(roll.lives(record('a'), later(), false)).toBe(true);
      expect(call([])).toEqual(['a']);
      roll.lives(record('a'), performance.now() - 1, false);
      call([]);
      expect(news).toEqual(['-a lost']);
    });

    it('lets it bury nobody', () => {
      call([record('a')]);
      roll.lives(record('b', ['a']), later(), true);
      expect(ids()).toEqual(['a', 'b']);
      call([record('a')]);
      expect(roll.all().map(({ former }) => former)).toEqual([[], []]);
    });

    it('bounds how many it takes', () => {
      call([]);
      for (let i = 0; i < 10_000; i++) roll.lives(record(`s${i}`), later(), true);
      expect(ids()).toHaveLength(1_024);
      roll.remove('s0', 'left');
      expect(roll.lives(record('one more'), later(), true)).toBe(true);
      // A lease counts for itself.
      call([record('s1')]);
      expect(roll.lives(record('and another'), later(), true)).toBe(true);
      expect(roll.lives(record('no more'), later(), true)).toBe(false);
    });
  });
});
