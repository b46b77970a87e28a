import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UnboundedError } from '../../../lib/module/linear-regexp/compile.js';
import { linearTest } from '../../../lib/module/linear-regexp/linear-regexp.js';
import { growthOf } from '../../support/growth.js';

const CHARACTERS = ['a', 'b', 'K', ':', '-', ' ', '\\n', '.', '\\d', '\\W', '\\s', '\\.', '😀'];
const CLASSES = ['[ab]', '[^a-k]', '[\\]:]', '\\u0061', '\\x62', '[😀a]', '[^]', '[]'];
const single = fc.constantFrom(...CHARACTERS, ...CLASSES);
const quantifier = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,}', '{0,2}', '*?', '{1,2}?');
const edge = fc.constantFrom('^', '$', '\\b', '\\B');

const joined = (separator: string, parts: fc.Arbitrary<string>, maxLength: number) =>
  fc.array(parts, { maxLength }).map((all) => all.join(separator));

/** Expressions of small parts. */
function expressions(atom: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const repeated = fc.tuple(atom, quantifier).map((parts) => parts.join(''));
  const term = fc.oneof({ weight: 4, arbitrary: repeated }, { weight: 1, arbitrary: edge });
  return joined('|', joined('', term, 3), 3);
}

/** Within each other: JavaScript's own matcher bears no more of it. */
function nested(inner: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const open = fc.constantFrom('(', '(?:', '(?<name>');
  const group = fc.tuple(open, inner).map(([start, source]) => `${start}${source})`);
  const look = fc
    .tuple(fc.constantFrom('(?=', '(?!'), inner)
    // Not to be repeated with the flag `u`.
    .map(([start, source]) => `(?:${start}${source}))`);
  return expressions(fc.oneof({ weight: 2, arbitrary: single }, group, look));
}

const source = nested(nested(expressions(single)))
  // A name may stand once.
  .map((one) => one.replaceAll('(?<name>', (_, at: number) => `(?<n${at}>`));
const text = fc.string({
  unit: fc.constantFrom('a', 'b', 'k', 'K', '1', ':', '-', ' ', '\n', '.', ']', '😀', '\u212a'),
  maxLength: 8,
});
const flags = fc.subarray(['i', 'm', 's', 'u']).map((all) => all.join(''));

/** With `u`, V8 also looks between the halves of a character, where the standard knows no place. */
function isFound(of: string, by: string, text: string): boolean {
  if (!by.includes('u')) return new RegExp(of, by).test(text);
  const places = [0];
  for (const character of text) places.push(places.at(-1)! + character.length);
  return places.some((place) => {
    const here = new RegExp(of, `${by}y`);
    here.lastIndex = place;
    return here.test(text);
  });
}

describe('a linear test of an expression', () => {
  it('finds what JavaScript finds', () => {
    fc.assert(
      fc.property(
        source,
        flags,
        fc.array(text, { minLength: 1, maxLength: 6 }),
        (of, by, texts) => {
          const test = linearTest(new RegExp(of, by));
          for (const one of texts) expect([one, test(one)]).toEqual([one, isFound(of, by, one)]);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it.each<[RegExp, string]>([
    [/^order-(?<n>\d{4,6})$/, 'order-12345'],
    [/^(?!admin:)[a-z]+:/, 'user:1'],
    [/^\p{Lu}\p{Ll}+$/u, 'Ärger'],
    [/^\u{1f600}\ud83d\ude00$/u, '😀😀'],
    [new RegExp('^u\\u{3}$'), 'uuuu'],
    [/a{,5}{/, 'a{,5}{'],
    [/^[^\]]\]$/, 'a]'],
    [/a/gy, 'a'],
  ])('takes %s', (expression, matching) => {
    const test = linearTest(expression);
    expect(test(matching)).toBe(true);
    expect(test('')).toBe(false);
  });

  it.each([
    [/(a)\1/, 'a back-reference'],
    [/(?<x>a)\k<x>/, 'a back-reference'],
    [/(?<=a)b/, 'a look behind'],
    [/(?<!a)b/, 'a look behind'],
    [new RegExp('[a--b]', 'v'), 'the flag "v"'],
    [/(?:a{50}){50}/, 'its size'],
    [/(?:(?:){9999}){9999999}/, 'its size'],
  ])('refuses %s', (expression, because) => {
    expect(() => linearTest(expression)).toThrow(new UnboundedError(because));
  });

  it.each([
    /^(a+)+$/,
    /^(a|a)*$/,
    /a*a*a*a*a*a*b/,
    /^(?:.*a){12}b/,
    /(?=(a+)+$)(?!(a|aa)+b)x/,
    /^(([a-z])+.)+[A-Z]([a-z])+$/,
  ])('takes no longer for a character of a long name than of a short: %s', (expression) => {
    let name = 0;
    // Another name each time: answers are remembered.
    const test = linearTest(expression);
    const growth = growthOf((n) => test(`${'a'.repeat(n)}!${name++}`), 16);
    expect(growth).toBeLessThan(6);
  });
});
