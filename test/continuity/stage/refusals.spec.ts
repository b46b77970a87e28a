import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Refusals } from './refusals.js';

describe('The times in which Redis refuses', () => {
  beforeEach(() => void jest.useFakeTimers({ now: 1_000 }));
  afterEach(() => void jest.useRealTimers());

  it('are known from their begin to their end', () => {
    const refusals = new Refusals();
    const end = refusals.begin();
    expect(refusals.wereIn(2_000, 3_000)).toBe(true);
    jest.setSystemTime(1_500);
    end();
    expect(refusals.wereIn(0, 999)).toBe(false);
    expect(refusals.wereIn(0, 1_000)).toBe(true);
    expect(refusals.wereIn(1_200, 1_300)).toBe(true);
    expect(refusals.wereIn(1_500, 2_000)).toBe(true);
    expect(refusals.wereIn(1_501, 2_000)).toBe(false);
  });
});
