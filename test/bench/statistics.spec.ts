import { describe, expect, it } from '@jest/globals';

import { Latencies } from '../../bench/common/latencies.js';
import { textOf } from '../../bench/common/text.js';
import { median, summarise } from '../../bench/common/stats.js';

describe('medians', () => {
  it('are the middle, or between the two in the middle, and leave the values as they were', () => {
    const values = [5, 1, 3];
    expect(median(values)).toBe(3);
    expect(values).toEqual([5, 1, 3]);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    // By value, not as text.
    expect(median([10, 9, 100])).toBe(10);
  });

  it('come with the least and the most', () => {
    expect(summarise([2, 8, 4])).toEqual({ median: 4, min: 2, max: 8, rounds: [2, 8, 4] });
    expect(summarise([])).toBeUndefined();
  });
});

describe('latencies', () => {
  it('are told as percentiles, once', () => {
    const latencies = new Latencies();
    const now = performance.now();
    for (let ms = 1_000; ms >= 1; ms--) latencies.add(now - ms * 1_000);
    const { samples, p50, p99, p999, max } = latencies.take()!;
    expect(samples).toBe(1_000);
    expect([p50, p99, p999, max].map((value) => Math.floor(value / 1_000))).toEqual([
      500, 990, 999, 1_000,
    ]);
    expect(latencies.take()).toBeUndefined();
  });
});

describe('the text of messages', () => {
  it.each([0, 1, 100, 16_384])('is of the length asked for, and always the same: %i', (length) => {
    expect(textOf(length)).toHaveLength(length);
    expect(textOf(length)).toBe(textOf(length));
  });
});
