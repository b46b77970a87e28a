/**
 * Foreign words in log lines and error messages.
 *
 * Use `quote` for every name or value that a client, Redis, another instance or the app chose (a
 * room, an event, a user id, a path, a channel). Use `oneLine` for foreign prose: the words of
 * Redis, or of another library. Use `messageOf` and `stackOf` for whatever was thrown. Use
 * `describe` for the "got …" of an error. Their results hold no line break, no control character,
 * nothing that changes the direction of text and no lone surrogate, and they have a bounded length.
 * None of them throws, whatever it is given.
 */

const MAX_NAME_LENGTH = 100;
const MAX_PROSE_LENGTH = 500;
const MAX_FRAMES = 30;

/**
 * Controls, format characters (bidi controls, zero width), lone surrogates, unassigned characters,
 * line separators.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const NEEDS_CARE = /[\p{C}\p{Zl}\p{Zp}"\\]/u;
const FRAME = /^ {4}at \S/;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/**
 * In double quotes, escaped, and cut to `maxLength` characters with a word on how long it was.
 * Other values are described.
 */
export function quote(value: unknown, maxLength = MAX_NAME_LENGTH): string {
  if (typeof value !== 'string') return describe(value);
  const { text, isCut } = cut(value, maxLength);
  const safe = NEEDS_CARE.test(text) ? escaped(text.replace(/["\\]/g, '\\$&')) : text;
  return isCut ? `"${safe}…" (${value.length} characters)` : `"${safe}"`;
}

/** Several, quoted, of which the first five are named. */
export function quoteAll(values: readonly unknown[]): string {
  const named = values.slice(0, 5).map((value) => quote(value));
  const others = values.length - named.length;
  return named.join(', ') + (others > 0 ? ` and ${others} more` : '');
}

/** Without quotes, escaped, and cut to `maxLength` characters. */
export function oneLine(text: unknown, maxLength = MAX_PROSE_LENGTH): string {
  const { text: start, isCut } = cut(typeof text === 'string' ? text : describe(text), maxLength);
  return escaped(start) + (isCut ? '…' : '');
}

/** The message of an error, or a description of another thrown value: on one line. */
export function messageOf(thrown: unknown, maxLength = MAX_PROSE_LENGTH): string {
  if (!isError(thrown)) return typeof thrown === 'string' ? oneLine(thrown) : describe(thrown);
  const message = property(thrown, 'message');
  return typeof message === 'string' ? oneLine(message, maxLength) : describe(message);
}

/**
 * The stack of an error with its head (name and message) on one line. The message may hold foreign
 * text in the form of frames, so only what follows it counts as frames, and each of them is made
 * printable.
 */
export function stackOf(thrown: unknown): string | undefined {
  if (!isError(thrown)) return undefined;
  const stack = property(thrown, 'stack');
  if (typeof stack !== 'string') return undefined;
  const message = property(thrown, 'message');
  // A stack shows the message of when it was captured.
  const at = typeof message === 'string' ? stack.indexOf(message) : -1;
  const rest = at === -1 ? stack : stack.slice(at + (message as string).length);
  const frames = rest.slice(0, MAX_FRAMES * MAX_PROSE_LENGTH).split('\n');
  const safe = frames.filter((line) => FRAME.test(line)).map((line) => oneLine(line));
  const name = oneLine(property(thrown, 'name'), MAX_NAME_LENGTH);
  return [`${name}: ${messageOf(thrown)}`, ...safe.slice(-MAX_FRAMES)].join('\n');
}

/**
 * The kind of a value, and the value itself where it is short: for the "got …" of an error. Not for
 * what may be a secret.
 */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value === '' ? 'an empty string' : `the string ${quote(value)}`;
    case 'number':
    case 'bigint':
      return `the ${typeof value} ${oneLine(String(value), MAX_NAME_LENGTH)}`;
    case 'symbol':
      return `the symbol ${oneLine(String(value), MAX_NAME_LENGTH)}`;
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : kindOfObject(value);
    case 'boolean':
    case 'undefined':
      return String(value);
  }
}

/**
 * The kind of an object, with the name of its class where it has one. The value itself, which may
 * be a secret, stays out.
 */
export function kindOfObject(value: object): string {
  try {
    if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === null || typeof prototype !== 'object') return 'an object of no class';
    // Of the prototype: "constructor" may be a member of data that JSON brought.
    const name = property(property(prototype, 'constructor'), 'name');
    if (typeof name !== 'string' || name === '') return 'an object of no class';
    return `an object of ${oneLine(name, MAX_NAME_LENGTH)}`;
  } catch {
    return 'an object';
  }
}

function escaped(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const known = SHORT_ESCAPES.get(character);
    if (known !== undefined) return known;
    const code = character.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** Not in the middle of a surrogate pair. */
function cut(text: string, maxLength: number): { text: string; isCut: boolean } {
  if (text.length <= maxLength) return { text, isCut: false };
  const last = text.charCodeAt(maxLength - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return { text: text.slice(0, splitsPair ? maxLength - 1 : maxLength), isCut: true };
}

function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error;
  } catch {
    return false;
  }
}

/** Getters and proxies may throw. */
function property(holder: unknown, name: string): unknown {
  try {
    return (holder as Record<string, unknown> | undefined)?.[name];
  } catch {
    return undefined;
  }
}
