import { describe, expect, it } from '@jest/globals';
import { figuresOf, isWhole } from './figures.js';
import type { Arrival, Recording, Side } from './recording.js';

const SENT = [0, 100, 200, 300];

/**
 * Arrivals of one sender: their numbers, each as long after its sending as `delays` says, or 1 ms.
 */
function arrivals(from: Side, numbers: number[], delays: Record<number, number> = {}): Arrival[] {
  return numbers.map((n) => ({ from, n, at: SENT[n - 1]! + (delays[n] ?? 1) }));
}

const ALL = [1, 2, 3, 4];

function recording(parts: Partial<Record<Side, Arrival[]>> = {}): Recording {
  const whole = [...arrivals('a', ALL), ...arrivals('b', ALL)];
  return {
    sent: { a: SENT, b: SENT },
    heard: { a: parts.a ?? whole, b: parts.b ?? whole },
    backAt: 250,
  };
}

describe('the figures of an outage', () => {
  it('of a run in which nothing happened', () => {
    expect(figuresOf(recording())).toEqual({
      sent: 8,
      lost: 0,
      lostAtHome: 0,
      doubled: 0,
      disordered: 0,
      silenceMs: 100,
      lateMs: undefined,
    });
    expect(isWhole(recording())).toBe(true);
  });

  it('losses count for the other instance and for the own one', () => {
    const lossy = recording({ b: [...arrivals('a', [1, 4]), ...arrivals('b', [1, 2, 3])] });
    expect(figuresOf(lossy)).toMatchObject({ lost: 2, lostAtHome: 1, disordered: 0 });
    expect(isWhole(lossy)).toBe(false);
  });

  it('a second copy is a double, and no disorder', () => {
    const twice = recording({ b: [...arrivals('a', [1, 2, 3, 4, 2]), ...arrivals('b', ALL)] });
    expect(figuresOf(twice)).toMatchObject({ lost: 0, doubled: 1, disordered: 0 });
  });

  it('a message after a later one is in disorder; the order of two senders is free', () => {
    const mixed = recording({ b: [...arrivals('b', ALL), ...arrivals('a', [1, 3, 2, 4])] });
    expect(figuresOf(mixed)).toMatchObject({ lost: 0, doubled: 0, disordered: 1 });
  });

  it('silence is that of the own instance, also at the end', () => {
    const far = recording({ b: [...arrivals('a', [1]), ...arrivals('b', ALL)] });
    expect(figuresOf(far).silenceMs).toBe(100);
    const near = recording({ a: [...arrivals('a', [1]), ...arrivals('b', ALL)] });
    expect(figuresOf(near).silenceMs).toBe(299);
  });

  it('the last late message of the other instance is told from the return on', () => {
    const late = recording({
      b: [...arrivals('a', [1, 2, 4, 3], { 1: 300, 2: 600 }), ...arrivals('b', ALL)],
      a: [...arrivals('a', ALL, { 3: 5_000 }), ...arrivals('b', ALL)],
    });
    expect(figuresOf(late).lateMs).toBe(700 - 250);
  });

  it('a message that was sent well after the return is late for other reasons', () => {
    const late = recording({ b: [...arrivals('a', ALL, { 4: 900 }), ...arrivals('b', ALL)] });
    expect(figuresOf(late).lateMs).toBe(1_200 - 250);
    expect(figuresOf({ ...late, backAt: 50 }).lateMs).toBeUndefined();
  });
});
