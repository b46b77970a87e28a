import { beforeEach, describe, expect, it } from '@jest/globals';
import { LiveList } from '../../../lib/cluster/live/live-list.js';
import { NO_MESSAGE_BEFORE } from '../../../lib/cluster/wire/live-position.js';
import { Random } from '../../support/random.js';

const KEEP_MS = 1_000;

describe('The list of what was sent', () => {
  let list: LiveList;
  let evicted: number[];

  const enter = (channels: string[], text: string, now: number): number =>
    list.push(channels, list.next(channels, now), Buffer.from(text), now);
  const textsOf = (channel: string, from = 1, to = Infinity): string[] => {
    const listed = list.channel(channel);
    return listed
      ? list.find(listed, from, to).map(({ slot }) => list.message(slot).toString())
      : [];
  };

  beforeEach(() => {
    evicted = [];
    list = new LiveList(4_096, KEEP_MS, (slot) => evicted.push(slot));
  });

  it('numbers the messages of each channel, and says how long before each the one before was', () => {
    expect(list.next(['a'], 10)).toEqual([{ start: 1, number: 1, sinceMs: NO_MESSAGE_BEFORE }]);
    list.push(['a'], list.next(['a'], 10), Buffer.from('x'), 10);
    const positions = list.next(['a', 'b'], 14.5);
    expect(positions).toEqual([
      { start: 2, number: 2, sinceMs: 5 },
      { start: 3, number: 1, sinceMs: NO_MESSAGE_BEFORE },
    ]);
  });

  it('finds the messages of a channel by their numbers', () => {
    for (let i = 1; i <= 5; i++) {
      enter(['a'], `a${i}`, i);
      enter(['b', 'a'], `ab${i}`, i);
    }
    expect(textsOf('a', 3, 6)).toEqual(['a2', 'ab2', 'a3', 'ab3']);
    expect(textsOf('b')).toEqual(['ab1', 'ab2', 'ab3', 'ab4', 'ab5']);
    expect(textsOf('c')).toEqual([]);
  });

  it('forgets what is too old, and begins a new numbering where nothing is left', () => {
    enter(['a'], 'old', 0);
    enter(['b'], 'young', 500);
    expect(list.completeSince).toBe(-Infinity);
    const [again] = list.next(['a'], 1_200);
    expect(again).toMatchObject({ number: 1 });
    expect(again!.start).toBeGreaterThan(1);
    expect([textsOf('a'), textsOf('b')]).toEqual([[], ['young']]);
    expect(list.completeSince).toBe(0);
  });

  it('forgets the oldest where there is no room, and says so', () => {
    for (let i = 0; i < 100; i++) enter([`room ${i % 3}`], 'x'.repeat(100), i);
    expect(evicted.length).toBe(100 - list.size);
    expect(list.bytes).toBeLessThanOrEqual(4_096);
    expect(list.completeSince).toBe(99 - list.size);
  });

  it('takes nothing that fills half of it', () => {
    expect(list.fits(2_000, 1)).toBe(true);
    expect(list.fits(2_040, 1)).toBe(false);
    expect(list.fits(1_900, 16)).toBe(false);
  });

  it('knows of each message whether it has left', () => {
    const slot = enter(['a'], 'x', 0);
    expect(list.state(slot)).toBe('waiting');
    list.mark(slot, 'left');
    expect(list.state(slot)).toBe('left');
    list.prune(KEEP_MS + 1);
    expect(list.has(slot)).toBe(false);
    list.mark(slot, 'void');
    expect(list.size).toBe(0);
  });

  it('holds what a plain list would, whatever comes', () => {
    const random = new Random(7);
    let model: { channels: string[]; text: string; at: number }[] = [];
    for (let now = 0; now < 5_000; now += random.between(0, 20)) {
      const channels = ['a', 'b', 'c', 'd'].filter(() => random.chance(0.4));
      if (channels.length === 0) channels.push('a');
      const text = `${now} ${'y'.repeat(random.between(0, 400))}`;
      enter(channels, text, now);
      model.push({ channels, text, at: now });
      model = model.slice(-list.size);
      expect(model.every(({ at }) => at >= now - KEEP_MS)).toBe(true);
      for (const channel of ['a', 'b', 'c', 'd']) {
        const expected = model.filter((one) => one.channels.includes(channel));
        expect(textsOf(channel)).toEqual(expected.map((one) => one.text));
        const listed = list.channel(channel);
        const numbers = listed ? list.find(listed, 1, Infinity).map(({ number }) => number) : [];
        expect(numbers).toEqual(expected.map((_, i) => listed!.number - expected.length + i + 1));
      }
    }
    expect(evicted.length).toBeGreaterThan(50);
  });
});
