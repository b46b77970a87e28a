import type { EventEmitter } from 'node:events';
import { DEFAULT_DEADLINE_MS, DeadlineError, withDeadline } from './deadline.js';

const POLL_MS = 5;

type Falsy = false | 0 | '' | null | undefined;

/**
 * Asks until the condition holds, and returns its value. Only for what announces itself by no
 * event; a condition that throws or rejects counts as not yet true.
 *
 * @param what how the error names what was waited for.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | PromiseLike<T>,
  timeoutMs = DEFAULT_DEADLINE_MS,
  pollMs = POLL_MS,
): Promise<Exclude<T, Falsy>> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await withDeadline(
        Promise.resolve(condition()),
        what,
        Math.max(1, end - performance.now()),
      );
      if (value) return value as Exclude<T, Falsy>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= end) {
      throw new DeadlineError(`Waited ${timeoutMs} ms in vain for ${what}; last: ${show(last)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/**
 * The arguments of an emitter's next event; an `error` event before it does not count unless it
 * is the one that is waited for. Call it before the action that causes the event.
 */
export async function waitForEvent<A extends unknown[] = unknown[]>(
  emitter: Pick<EventEmitter, 'once' | 'off'>,
  event: string,
  timeoutMs = DEFAULT_DEADLINE_MS,
): Promise<A> {
  let listener!: (...args: unknown[]) => void;
  const seen = new Promise<A>((resolve) => {
    listener = (...args) => resolve(args as A);
    emitter.once(event, listener);
  });
  try {
    return await withDeadline(seen, `the event "${event}"`, timeoutMs);
  } finally {
    emitter.off(event, listener);
  }
}

/**
 * Lets everything run that is due now: promise reactions, callbacks of finished I/O, and the
 * reports of unhandled rejections. It waits for nothing in particular, so it proves nothing about
 * work that takes longer.
 */
export async function nextTurn(turns = 1): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
}

function show(value: unknown): string {
  return value instanceof Error ? `${value.name}: ${value.message}` : String(value);
}
