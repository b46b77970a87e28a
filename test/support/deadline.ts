import { Deadline } from '../../lib/timing/deadline.js';

/**
 * How long a wait may take before it fails the test: it is there for what hangs, and the machine
 * may be busy.
 */
export const DEFAULT_DEADLINE_MS = 20_000;

/** Something that was waited for did not happen in time. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * The promise's outcome, or a {@link DeadlineError} that says what was waited for.
 *
 * @param what what is waited for; a function is asked only when the deadline has passed, so
 * that it can tell what had happened until then.
 */
export async function withDeadline<T>(
  promise: PromiseLike<T>,
  what: string | (() => string),
  timeoutMs = DEFAULT_DEADLINE_MS,
): Promise<T> {
  let deadline: Deadline | undefined;
  const late = new Promise<never>((_, reject) => {
    deadline = new Deadline(timeoutMs, () => {
      const text = typeof what === 'string' ? what : what();
      reject(new DeadlineError(`Waited ${timeoutMs} ms in vain for ${text}`));
    });
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    deadline?.cancel();
  }
}
