import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Deadline, settledWithin, withDeadline } from '../../lib/timing/deadline.js';
import { nextTurn, waitFor } from '../support/wait-for.js';

const file = fileURLToPath(import.meta.url);

/** Keeps the event loop from doing anything else. */
function standStill(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const late = (): Error => new Error('late');

describe('A deadline', () => {
  const ended: string[] = [];
  const begin = (ms: number, name = 'it'): Deadline => new Deadline(ms, () => ended.push(name));

  afterEach(() => {
    ended.length = 0;
    jest.useRealTimers();
  });

  it('ends at its time, once, and not before', async () => {
    jest.useFakeTimers();
    for (const ms of [1, 20, 2_000, 4_000, 30_000, 3 * 2 ** 31]) {
      begin(ms);
      await jest.advanceTimersByTimeAsync(ms - 1);
      expect(ended).toEqual([]);
      await jest.advanceTimersByTimeAsync(10);
      expect(ended.splice(0)).toEqual(['it']);
      expect(jest.getTimerCount()).toBe(0);
    }
  });

  it('of Infinity never ends', async () => {
    jest.useFakeTimers();
    const deadline = begin(Infinity);
    await jest.advanceTimersByTimeAsync(3 * 2 ** 31);
    expect(ended).toEqual([]);
    deadline.cancel();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('that is cancelled leaves no timer and never ends, also where it was about to', async () => {
    jest.useFakeTimers();
    const deadline = begin(100);
    deadline.cancel();
    deadline.cancel();
    deadline.restart();
    expect(jest.getTimerCount()).toBe(0);
    const lastMoment = begin(100);
    jest.advanceTimersToNextTimer(4);
    expect(ended).toEqual([]);
    lastMoment.cancel();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(ended).toEqual([]);
  });

  it('that begins again has all of its time, also where it was about to end', async () => {
    jest.useFakeTimers();
    for (const ms of [100, 10_000]) {
      const deadline = begin(ms);
      await jest.advanceTimersByTimeAsync(ms - 1);
      deadline.restart();
      await jest.advanceTimersByTimeAsync(ms - 1);
      expect(ended).toEqual([]);
      await jest.advanceTimersByTimeAsync(2);
      expect(ended.splice(0)).toEqual(['it']);
    }
    const lastMoment = begin(100);
    jest.advanceTimersToNextTimer(4);
    lastMoment.restart();
    await jest.advanceTimersByTimeAsync(99);
    expect(ended).toEqual([]);
    await jest.advanceTimersByTimeAsync(2);
    expect(ended).toEqual(['it']);
  });

  it('does not run while the process stands still, however long that is', async () => {
    begin(200);
    standStill(800);
    await nextTurn(2);
    await delay(100);
    expect(ended).toEqual([]);
    await waitFor('its end', () => ended.length === 1);
  });

  it('lets what came during the standstill be read first, whenever that began', async () => {
    const MS = 100;
    const attempt = async (before: number) => {
      await delay(0);
      const began = performance.now();
      let beganAfterMs = Infinity;
      // A file takes several turns of the loop, and is read by other threads meanwhile.
      const read = delay(before).then(() => {
        beganAfterMs = performance.now() - began;
        const bytes = readFile(file);
        standStill(300);
        return bytes;
      });
      const outcome = await withDeadline(read, MS, late).catch((error: Error) => error);
      await read;
      return { outcome, beganAfterMs };
    };
    for (const before of [0, 50, 90, 99]) {
      let tried = await attempt(before);
      // On a busy machine the standstill may begin after the deadline: that is no attempt.
      while (tried.beganAfterMs >= MS) tried = await attempt(before);
      expect(tried.outcome).toBeInstanceOf(Buffer);
    }
  }, 60_000);

  it('ends all the same in a process that stands still again and again', async () => {
    begin(100);
    const begun = performance.now();
    while (ended.length === 0 && performance.now() - begun < 10_000) {
      standStill(150);
      await nextTurn();
    }
    expect(ended).toEqual(['it']);
  });

  it('of a promise is gone when the promise has settled', async () => {
    jest.useFakeTimers();
    expect(await withDeadline(Promise.resolve(1), 100, late)).toBe(1);
    await expect(withDeadline(Promise.reject(new Error('no')), 100, late)).rejects.toThrow('no');
    expect(jest.getTimerCount()).toBe(0);
    const waiting = withDeadline(new Promise(() => {}), 100, late).catch(String);
    await jest.advanceTimersByTimeAsync(101);
    expect(await waiting).toBe('Error: late');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('of a grace never rejects', async () => {
    await settledWithin(1_000, Promise.reject(new Error('no')));
    await settledWithin(5, new Promise(() => {}));
  });
});
