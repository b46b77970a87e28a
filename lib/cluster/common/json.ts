import { types } from 'node:util';

import { describe, messageOf } from '../../errors/quote.js';

/**
 * A depth at which `JSON.stringify` never fails for lack of stack. V8 fails from some 4,000 levels
 * on, sooner where it is called deep in the stack, or where more is wrapped around the value.
 */
export const SAFE_DEPTH = 1_000;

/** More objects than that are not looked at: a value may make new ones whenever it is read. */
const MAX_OBJECTS = 4_000_000;

/**
 * The value as JSON.
 *
 * @param what names the value at the start of the error's message, such as "The answer"; a
 * function, if the name takes time to build
 * @throws TypeError for what JSON cannot hold: a function, a symbol, undefined, a BigInt, a cycle,
 * thousands of levels
 */
export function jsonText(what: string | (() => string), value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TypeError(
      `${textOf(what)} cannot be written as JSON: ${reasonOf(error)}. ` +
        'Send plain data: no BigInt, no cycles, not thousands of levels.',
      { cause: error },
    );
  }
  if (text === undefined) {
    throw new TypeError(
      `${textOf(what)} is ${describe(value)}, which JSON cannot hold. Send plain data.`,
    );
  }
  return text;
}

function textOf(what: string | (() => string)): string {
  return typeof what === 'string' ? what : what();
}

/**
 * The value as JSON that can be wrapped and encoded again anywhere; undefined for what JSON cannot
 * hold so.
 */
export function safeJsonText(value: unknown): string | undefined {
  try {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined || isTextDeeperThan(text, SAFE_DEPTH) ? undefined : text;
  } catch {
    return undefined;
  }
}

/**
 * Whether a JSON text nests arrays and objects deeper than so many levels. Of text that is no JSON:
 * as far as it is JSON.
 */
export function isTextDeeperThan(text: string, levels: number): boolean {
  // Each level takes two characters, one of which opens it. To count those is many times faster
  // than to parse.
  if (text.length < 2 * (levels + 1) || !opensMoreThan(levels, text)) return false;
  let depth = 0;
  for (let at = nextBracket(text, 0); at !== -1; at = nextBracket(text, at + 1)) {
    if (!isOpening(text, at)) depth--;
    else if (++depth > levels) return true;
  }
  return false;
}

/** The JSON text of an object or a list with `null` in the place of each object and list in it. */
export function outlineOf(text: string): string {
  let outline = '';
  let depth = 0;
  let from = 0;
  for (let at = nextBracket(text, 0); at !== -1; at = nextBracket(text, at + 1)) {
    if (isOpening(text, at)) {
      if (++depth === 2) outline += `${text.slice(from, at)}null`;
    } else if (depth-- === 2) from = at + 1;
  }
  return depth > 1 ? outline : outline + text.slice(from);
}

/**
 * Whether a value nests objects (lists, maps and sets among them) deeper than so many levels. Level
 * by level and each object once a level, so that cycles and parts that occur many times end it.
 * Never throws, whatever getters and proxies do.
 */
export function isValueDeeperThan(value: unknown, levels: number): boolean {
  if (!isContainer(value)) return false;
  let level = new Set<object>([value]);
  let seen = 0;
  for (let depth = 1; level.size > 0; depth++) {
    if (depth > levels || seen > MAX_OBJECTS) return true;
    const next = new Set<object>();
    for (const container of level) {
      for (const member of membersOf(container)) if (isContainer(member)) next.add(member);
      if (++seen > MAX_OBJECTS) break;
    }
    level = next;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** Also counts what is in strings. */
function opensMoreThan(levels: number, text: string): boolean {
  let count = 0;
  for (const opening of '[{') {
    for (let at = text.indexOf(opening); at !== -1; at = text.indexOf(opening, at + 1))
      if (++count > levels) return true;
  }
  return false;
}

/**
 * The next bracket or brace that is not in a string, from a position that is not in a string; -1 if
 * there is none.
 */
function nextBracket(text: string, from: number): number {
  let inString = false;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (
      code === OPENING_BRACKET ||
      code === OPENING_BRACE ||
      code === CLOSING_BRACKET ||
      code === CLOSING_BRACE
    )
      return at;
  }
  return -1;
}

function isOpening(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === OPENING_BRACKET || code === OPENING_BRACE;
}

/** Looks at the kind of the value only, which no proxy can answer with a throw. */
function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return !(ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value) || types.isDate(value));
}

function membersOf(container: object): readonly unknown[] {
  try {
    if (types.isSet(container)) return [...container];
    if (types.isMap(container)) return [...container.keys(), ...container.values()];
    return Object.values(container);
  } catch {
    return readableMembersOf(container);
  }
}

/** A member that cannot be read leads nowhere. */
function readableMembersOf(container: object): unknown[] {
  try {
    return Object.keys(container).map((key) => {
      try {
        return (container as Record<string, unknown>)[key];
      } catch {
        return undefined;
      }
    });
  } catch {
    return [];
  }
}

/** The first line: V8 draws the circle that it found below it. */
function reasonOf(error: unknown): string {
  return messageOf(error).split('\\n', 1)[0]!;
}
