import { describe, expect, it } from '@jest/globals';
import { Outages } from './outages.js';
import { span, WINDOW_MS } from './scenes.js';

const [A, B, C] = [0, 1, 2];

describe('outages', () => {
  it('are outlasted by faults that follow each other for longer than the window', () => {
    const short = new Outages([span(10_000, 13_000)], WINDOW_MS);
    expect(short.outlasted(A, B, 11_000)).toBe(false);
    const long = new Outages([span(10_000, 13_000), span(12_000, 15_000)], WINDOW_MS);
    expect(long.outlasted(A, B, 11_000)).toBe(true);
    const soon = new Outages([span(10_000, 12_000), span(13_000, 15_000)], WINDOW_MS);
    expect(soon.outlasted(A, B, 11_000)).toBe(true);
    const apart = new Outages([span(10_000, 13_000), span(20_000, 23_000)], WINDOW_MS);
    expect(apart.outlasted(A, B, 21_000)).toBe(false);
  });

  it('matter to whom they concern, at their time', () => {
    const outages = new Outages([span(10_000, 20_000, { places: [A] })], WINDOW_MS);
    expect(outages.outlasted(A, B, 15_000)).toBe(true);
    expect(outages.outlasted(B, A, 15_000)).toBe(true);
    expect(outages.outlasted(B, C, 15_000)).toBe(false);
    expect(outages.outlasted(A, B, 7_000)).toBe(false);
    expect(outages.outlasted(A, B, 23_000)).toBe(false);
    expect(outages.touches(A, 5_000, 10_000)).toBe(true);
    expect(outages.touches(A, 5_000, 9_000)).toBe(false);
    expect(outages.touches(B, 0, 30_000)).toBe(false);
  });

  it('are outlasted where a sender stands still past its lease, with other faults around, and by no slow process', () => {
    const still = span(10_000, 13_000, { places: [A], lapses: true });
    expect(new Outages([still], WINDOW_MS).outlasted(A, B, 11_000)).toBe(false);
    const both = new Outages([still, span(12_000, 13_500)], WINDOW_MS);
    expect(both.outlasted(A, B, 11_000)).toBe(true);
    expect(both.outlasted(B, A, 11_000)).toBe(false);
    const lag = new Outages([span(10_000, 20_000, { isLag: true })], WINDOW_MS);
    expect(lag.outlasted(A, B, 11_000)).toBe(false);
    expect(lag.touches(A, 0, 30_000)).toBe(false);
  });

  it('tell for how long a way was silent, and count no moment twice', () => {
    const outages = new Outages(
      [
        span(1_000, 2_000, { silent: true, places: [A] }),
        span(1_500, 3_000, { silent: true, isLag: true, places: [B] }),
        span(5_000, 6_000),
        span(7_000, 8_000, { silent: true, places: [C] }),
      ],
      WINDOW_MS,
    );
    expect(outages.silentMs(A, B, 0, 10_000)).toBe(2_000);
    expect(outages.silentMs(A, B, 1_900, 2_100)).toBe(200);
    expect(outages.silentMs(C, C, 0, 10_000)).toBe(1_000);
  });
});
