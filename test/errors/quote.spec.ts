import { describe as suite, expect, it } from '@jest/globals';

import { describe, messageOf, oneLine, quote, quoteAll, stackOf } from '../../lib/errors/quote.js';

import { RAW } from '../support/raw-characters.js';

const HOSTILE = [
  'a\nb',
  'a\r\nb',
  '\u001b[31mred\u001b]0;title\u0007',
  '\u009b31m',
  'a\u0000b\u007f',
  'a\u2028b\u2029c',
  '\u202egnp.exe',
  '\u2066a\u2069\u061c\u200f',
  '\ud800 \udc00',
  '\u{e0041}\u{e0042}',
  '\n'.repeat(100_000),
  '😀'.repeat(100_000),
];

const throwing = (): never => {
  throw new Error('a getter');
};
const UNWILLING = [
  Object.create(null),
  JSON.parse('{"toString":1,"constructor":{"name":"a\\nb"},"__proto__":{"constructor":1}}'),
  new Proxy({}, { get: throwing, getPrototypeOf: throwing }),
  Object.defineProperty(new Error('x'), 'message', { get: throwing }),
  Object.assign(new Error('x'), { message: { toString: throwing } }),
  Object.assign(new Error('x'), { stack: 7, name: Symbol('a\nb') }),
  Symbol('a\nb'),
  undefined,
  null,
  10n ** 1_000n,
  class A {},
];

suite('foreign words', () => {
  it.each(HOSTILE)('are printable and short (%#)', (text) => {
    const error = new Error(text);
    error.name = text;
    for (const shown of [quote(text), oneLine(text), describe(text), messageOf(error)]) {
      expect(shown).not.toMatch(RAW);
      expect(shown.length).toBeLessThan(3_100);
    }
    expect(stackOf(error)!.split('\n').join('')).not.toMatch(RAW);
  });

  it.each(UNWILLING)('of any value are found without a throw (%#)', (value) => {
    for (const shown of [quote(value), oneLine(value), describe(value), messageOf(value)])
      expect(shown).not.toMatch(RAW);
    expect(stackOf(value)?.split('\n').join('') ?? '').not.toMatch(RAW);
  });

  it('are readable', () => {
    expect(quote('lobby')).toBe('"lobby"');
    expect(quote('größe 部屋 😀')).toBe('"größe 部屋 😀"');
    expect(quote('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"');
    expect(quote('a'.repeat(255))).toBe(`"${'a'.repeat(100)}…" (255 characters)`);
    expect(quote(7)).toBe('the number 7');
    expect(quoteAll(['a', 'b'])).toBe('"a", "b"');
    expect(quoteAll(Array(7).fill('a'))).toBe('"a", "a", "a", "a", "a" and 2 more');
    expect(describe(new Map())).toBe('an object of Map');
    expect(describe([])).toBe('an empty array');
    expect(oneLine('WRONGTYPE Operation "x"')).toBe('WRONGTYPE Operation "x"');
  });

  it('of a class come from the prototype, not from a member that JSON brought', () => {
    expect(describe(JSON.parse('{"constructor":{"name":"Admin"}}'))).toBe('an object of Object');
  });

  it('are not cut within a character', () => {
    expect(quote(`a${'😀'.repeat(60)}`)).toBe(`"a${'😀'.repeat(49)}…" (121 characters)`);
  });
});

suite('the stack of an error', () => {
  it('has its head on one line, and its frames after it', () => {
    const lines = stackOf(new TypeError('a\nb'))!.split('\n');
    expect(lines[0]).toBe('TypeError: a\\nb');
    expect(lines[1]).toMatch(/^ {4}at .*quote\.spec\.ts:\d+:\d+/);
  });

  it('has no frames that the message brings', () => {
    const forged = 'no\n    at Admin.deleteAll (/srv/app/admin.js:1:1)\n    at x:1:1';
    const frames = stackOf(new Error(forged))!.split('\n').slice(1);
    expect(frames.length).toBeGreaterThan(0);
    expect(frames.join()).not.toContain('Admin');
  });

  it('is bounded', () => {
    const error = new Error('x');
    error.stack = `Error: x\n${'    at f (file.js:1:1)\n'.repeat(100_000)}`;
    expect(stackOf(error)!.split('\n').length).toBe(31);
  });
});
