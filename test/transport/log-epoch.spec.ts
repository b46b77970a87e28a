import { describe, expect, it } from '@jest/globals';
import { epochOf, HALF_DAY_MS, HALF_DAYS, isSameBeginning } from '../../lib/transport/log-epoch.js';

describe('an epoch', () => {
  const now = Date.UTC(2026, 0, 1, 13);
  const at = (halfDays: number, data = 'a-_', random = '12345678') =>
    epochOf(data, now + halfDays * HALF_DAY_MS, random);

  it('has eight characters: the data, the half day, and the end of something random', () => {
    for (let i = 0; i < HALF_DAYS; i += 61) expect(at(i)).toMatch(/^a-_[\w-]{2}678$/);
    expect(new Set(Array.from({ length: HALF_DAYS }, (_, i) => at(i))).size).toBe(HALF_DAYS);
  });

  it('has the beginning of each that began in this half day or the next', () => {
    for (let i = 0; i < HALF_DAYS; i += 7) {
      expect(isSameBeginning(at(i), at(i, 'a-_', 'another!'))).toBe(true);
      expect(isSameBeginning(at(i), at(i + 1))).toBe(true);
      expect(isSameBeginning(at(i), at(i + 2))).toBe(false);
      expect(isSameBeginning(at(i + 1), at(i))).toBe(false);
    }
    expect(isSameBeginning(at(HALF_DAYS - 1), at(HALF_DAYS))).toBe(true);
  });

  it('has no beginning of other data, or of what is no epoch', () => {
    expect(isSameBeginning(at(0), at(0, 'b-_'))).toBe(false);
    for (const other of ['', 'a-_', 'a-_  678', 'a-_é!678', 'e1'])
      expect([isSameBeginning(other, at(0)), isSameBeginning(at(0), other)]).toEqual([
        false,
        false,
      ]);
    expect(isSameBeginning('e1', 'e1')).toBe(true);
  });
});
