import { describe, expect, it } from '@jest/globals';
import { assertName, namesOf } from '../../../lib/cluster/common/names.js';
import { HOSTILE_NAMES } from '../../integration/fixtures/hostile-names.js';

const SECRET_LENGTH = 'x'.repeat(256);

describe('names', () => {
  it('may be any well-formed text of up to 255 bytes', () => {
    expect(namesOf('room', [...HOSTILE_NAMES])).toEqual(HOSTILE_NAMES);
  });

  it('may be listed, one by one or both', () => {
    expect(namesOf('room', [])).toEqual([]);
    expect(namesOf('room', [[]])).toEqual([]);
    expect(namesOf('room', ['a', ['b', 'c'], 'd'])).toEqual(['a', 'b', 'c', 'd']);
  });

  it.each<[string, unknown, RegExp]>([
    ['empty', '', /^A room must not be an empty string\.$/],
    ['too long', SECRET_LENGTH, /^A room must be at most 255 bytes of UTF-8, got 256/],
    ['too long in bytes', '🚀'.repeat(64), /at most 255 bytes of UTF-8, got 256/],
    ['a lone surrogate', 'a\ud800b', /well-formed Unicode/],
    ['a lone low surrogate', '\udc00', /well-formed Unicode/],
    ['a number', 7, /^A room must be a string, got the number 7\.$/],
    ['undefined', undefined, /must be a string, got undefined/],
    ['null', null, /must be a string, got null/],
    ['a symbol', Symbol('s'), /must be a string, got the symbol/],
    ['an object', { id: 1 }, /must be a string, got an object/],
    ['a list of lists', [['a']], /must be a string, got an array/],
    ['a list with a hole', [undefined], /must be a string, got undefined/],
  ])('may not be %s', (_, name, message) => {
    const attempt = () => namesOf('room', ['fine', name as string]);
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(message);
  });

  it('are called in errors what they are', () => {
    expect(() => namesOf('user id', [''])).toThrow('A user id must not');
    expect(() => namesOf('connection id', [''])).toThrow('A connection id must not');
    expect(() => assertName('hub', '')).toThrow('A hub must not');
  });
});
