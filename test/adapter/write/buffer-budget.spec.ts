import { beforeEach, describe, expect, it } from '@jest/globals';

import { BufferBudget, type BufferHolder } from '../../../lib/adapter/write/buffer-budget.js';
import { ThrottledLog } from '../../../lib/cluster/common/throttled-log.js';
import { FakeLogger } from '../../cluster/fake-logger.js';

class Holder implements BufferHolder {
  bufferedBytes = 0;
  isShed = false;

  shed(): void {
    this.isShed = true;
  }
}

describe('what all clients may leave unread together', () => {
  const counters = { bufferOverflows: 0 };
  let turn: { number: number };
  let budget: BufferBudget;
  let holders: [Holder, Holder, Holder];

  const hold = (holder: Holder, bytes: number): void => {
    holder.bufferedBytes = bytes;
    budget.note(holder, bytes);
  };

  beforeEach(() => {
    counters.bufferOverflows = 0;
    turn = { number: 1 };
    budget = new BufferBudget({
      totalBufferLimitBytes: 100,
      turn: turn as never,
      counters,
      log: new ThrottledLog(new FakeLogger()),
    });
    holders = [new Holder(), new Holder(), new Holder()];
  });

  it('concerns nobody up to the limit', () => {
    for (const holder of holders) hold(holder, 33);
    expect(budget.allowanceBytes).toBe(Infinity);
    expect(holders.some(({ isShed }) => isShed)).toBe(false);
    expect(counters.bufferOverflows).toBe(0);
  });

  it('takes the slowest first, and no more of them than need be', () => {
    const [slow, slowest, slight] = holders;
    hold(slow, 40);
    hold(slowest, 50);
    hold(slight, 20);
    expect(holders.map(({ isShed }) => isShed)).toEqual([false, true, false]);
    expect(budget.allowanceBytes).toBe(49);
    expect(counters.bufferOverflows).toBe(1);
  });

  it('leaves no more to who holds as much as the one that had to go', () => {
    const [one, other] = holders;
    hold(one, 60);
    hold(other, 60);
    expect(holders.filter(({ isShed }) => isShed)).toHaveLength(1);
    expect(budget.allowanceBytes).toBeLessThan(60);
  });

  it('concerns nobody any more once those that had to go have gone', () => {
    const [gone, other] = holders;
    gone.shed = () => budget.forget(gone);
    hold(gone, 70);
    hold(other, 40);
    expect(budget.hasRoom).toBe(true);
    expect(budget.allowanceBytes).toBe(Infinity);
  });

  it('asks anew what those hold who were not written to, before anybody has to go', () => {
    const [stale, other] = holders;
    hold(stale, 90);
    stale.bufferedBytes = 0;
    hold(other, 60);
    expect(holders.some(({ isShed }) => isShed)).toBe(false);
    expect(budget.allowanceBytes).toBe(Infinity);
  });

  it('is as before once they have read, and counts the next time as another', () => {
    const [slow] = holders;
    hold(slow, 101);
    expect(budget.allowanceBytes).toBeLessThan(101);
    hold(slow, 10);
    expect(budget.allowanceBytes).toBe(Infinity);
    turn.number++;
    hold(slow, 101);
    expect(counters.bufferOverflows).toBe(2);
  });

  it('forgets who has gone', () => {
    const [gone, other] = holders;
    hold(gone, 90);
    budget.forget(gone);
    hold(other, 90);
    expect(counters.bufferOverflows).toBe(0);
  });

  it('has room up to the limit, and again when somebody has read', () => {
    const [one, other] = holders;
    hold(one, 60);
    hold(other, 40);
    expect(budget.hasRoom).toBe(true);
    hold(other, 41);
    expect(budget.hasRoom).toBe(false);
    hold(one, 0);
    expect(budget.hasRoom).toBe(true);
  });
});
