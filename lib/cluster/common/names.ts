import { describe, quote } from '../../errors/quote.js';

const MAX_NAME_BYTES = 255;
/** Of UTF-8, for a unit of UTF-16. */
const MAX_BYTES_A_UNIT = 3;

/**
 * The names given to `join`, `to`, `toUser` and their like, as one list.
 *
 * @throws TypeError for anything but non-empty, well-formed strings of at most 255 bytes of UTF-8
 */
export function namesOf(
  kind: 'room' | 'user id' | 'connection id',
  given: readonly (string | readonly string[])[],
): string[] {
  const [only] = given;
  // Most calls name one, and must not pay for the others.
  const names = given.length === 1 && typeof only === 'string' ? [only] : given.flat();
  for (const name of names) assertName(kind, name);
  return names;
}

/** Whether {@link assertName} accepts it. */
export function isName(name: unknown): name is string {
  return (
    typeof name === 'string' &&
    name !== '' &&
    name.isWellFormed() &&
    Buffer.byteLength(name, 'utf8') <= MAX_NAME_BYTES
  );
}

export function assertName(kind: string, name: unknown): asserts name is string {
  if (typeof name !== 'string') {
    throw new TypeError(`A ${kind} must be a string, got ${describe(name)}.`);
  }
  if (name === '') throw new TypeError(`A ${kind} must not be an empty string.`);
  // A lone surrogate has no UTF-8: two such names would meet on one channel.
  if (!name.isWellFormed())
    throw new TypeError(`A ${kind} must be well-formed Unicode, got a lone surrogate.`);
  if (name.length * MAX_BYTES_A_UNIT <= MAX_NAME_BYTES) return;
  const bytes = Buffer.byteLength(name, 'utf8');
  if (bytes > MAX_NAME_BYTES) {
    throw new TypeError(
      `A ${kind} must be at most ${MAX_NAME_BYTES} bytes of UTF-8, got ${bytes}: ${quote(name, 20)}. Use a shorter one, or its hash.`,
    );
  }
}
