import { describe, expect, it } from '@jest/globals';
import { Limit } from '../../../lib/transport/redis/limit.js';

describe('a limit', () => {
  it('runs so many at once, in their order, however many wait', async () => {
    const limit = new Limit(3);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const runs = Array.from({ length: 20_000 }, (_, n) =>
      limit.run(async () => {
        most = Math.max(most, ++running);
        order.push(n);
        await Promise.resolve();
        running--;
      }),
    );
    await Promise.all(runs);
    expect(order).toEqual(Array.from({ length: 20_000 }, (_, n) => n));
    expect(most).toBe(3);
    await limit.run(async () => order.push(-1));
    expect(order.at(-1)).toBe(-1);
  });
});
