import { beforeEach, describe, expect, it } from '@jest/globals';
import { byHavingAPosition, PausedHistories } from '../../../lib/adapter/write/paused-histories.js';
import { Batch } from '../../../lib/hub/batch.js';
import { Frame } from '../../../lib/hub/frame.js';

const plain = (): Frame => new Frame(Buffer.from('plain'), false);
const inLog = (log: string, offset: number): Frame =>
  new Frame(Buffer.from(`${log} ${offset}`), false, {
    log,
    epoch: 'e',
    offset,
    previousTag: `before ${offset}`,
    of: '{}',
  });
const textsOf = (batch: Batch | undefined): string[] | undefined =>
  batch?.frames.map(({ payload }) => payload.toString());

describe('Paused histories', () => {
  let counters: { dropped: number; pauses: number };
  let paused: PausedHistories;

  beforeEach(() => {
    counters = { dropped: 0, pauses: 0 };
    paused = new PausedHistories(counters);
  });

  it('begin before the first message that was not written, and drop what has no history', () => {
    const batch = Batch.of([inLog('a', 5), plain(), inLog('a', 6), inLog('b', 1)]);
    expect(paused.pauseBefore(batch)).toBe(true);
    expect([...paused.positions]).toEqual([
      ['a', { epoch: 'e', offset: 4, tag: 'before 5' }],
      ['b', { epoch: 'e', offset: 0, tag: 'before 1' }],
    ]);
    expect(counters).toEqual({ dropped: 1, pauses: 2 });
  });

  it('stay where they are when more comes', () => {
    paused.pauseBefore(Batch.of([inLog('a', 5)]));
    expect(paused.pauseBefore(Batch.of([inLog('a', 6)]))).toBe(false);
    expect(paused.positions.get('a')?.offset).toBe(4);
    expect(counters.pauses).toBe(1);
  });

  it('keep back their own messages only', () => {
    paused.pause('a', { epoch: 'e', offset: 4, tag: 't' });
    const batch = Batch.of([inLog('a', 5), plain(), inLog('b', 1)]);
    expect(textsOf(paused.writable(batch))).toEqual(['plain', 'b 1']);
    expect(paused.writable(Batch.of([inLog('a', 6)]))).toBeUndefined();
    const others = Batch.of([plain()]);
    expect(paused.writable(others)).toBe(others);
  });
});

it('A batch is parted by what has a history', () => {
  const [ofHistories, others] = byHavingAPosition(Batch.of([plain(), inLog('a', 1)]));
  expect([textsOf(ofHistories), textsOf(others)]).toEqual([['a 1'], ['plain']]);
  expect(byHavingAPosition(Batch.of([plain()]))[0]).toBeUndefined();
});
