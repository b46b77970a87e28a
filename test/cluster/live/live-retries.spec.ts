import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { newCounters } from '../../../lib/cluster/common/counters.js';
import { LiveList } from '../../../lib/cluster/live/live-list.js';
import { LiveRetries } from '../../../lib/cluster/live/live-retries.js';

const WINDOW_MS = 1_000;
const BYTES = 64;
const AWAY = new Error('Redis is away.');

describe('Messages that go again', () => {
  let list: LiveList;
  let retries: LiveRetries;
  /** In the order in which they went again. */
  let sent: number[];

  const enter = (): number => {
    const now = performance.now();
    return list.push(['a'], list.next(['a'], now), Buffer.alloc(BYTES), now);
  };

  beforeEach(() => {
    jest.useFakeTimers();
    list = new LiveList(4_096, WINDOW_MS);
    sent = [];
    retries = new LiveRetries({
      list,
      counters: newCounters(),
      windowMs: WINDOW_MS,
      isReadByAll: () => true,
      leave: (at) => void sent.push(at),
      left: () => {},
      failed: () => {},
      tooOld: () => {},
    });
    retries.start();
  });
  afterEach(() => {
    retries.close();
    jest.useRealTimers();
  });

  it('go in order from the oldest that failed, one alone until Redis has taken it', () => {
    const [first, second, third] = [enter(), enter(), enter()];
    retries.retry(second, AWAY);
    retries.retry(first, AWAY);
    jest.advanceTimersByTime(50);
    expect(sent).toEqual([first]);
    retries.left(first, BYTES);
    expect(sent).toEqual([first, second, third]);
  });

  it('let new ones wait behind them, and say when all have gone', async () => {
    retries.retry(enter(), AWAY);
    const fresh = enter();
    expect(retries.mustWait(fresh)).toBe(true);
    const caughtUp = retries.caughtUp();
    jest.advanceTimersByTime(50);
    retries.left(sent[0]!, BYTES);
    retries.left(sent[1]!, BYTES);
    await caughtUp;
    expect([retries.isBehind, sent.at(-1)]).toEqual([false, fresh]);
  });

  it('never go after close, nor keep anybody waiting', async () => {
    const at = enter();
    retries.retry(at, AWAY);
    const waiting = retries.caughtUp();
    retries.close();
    await waiting;
    retries.retry(at, AWAY);
    await retries.caughtUp();
    jest.runAllTimers();
    expect([retries.isBehind, sent]).toEqual([false, []]);
  });
});
