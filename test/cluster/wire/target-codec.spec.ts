import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeTarget, encodeTarget } from '../../../lib/cluster/wire/target-codec.js';
import { EVERYONE, extend, type Target } from '../../../lib/hub/target.js';
import { mutants, OUTSIDE, withinOutside } from '../mutants.js';
import { anyTarget } from '../arbitraries.js';

const LISTS = [
  'rooms',
  'users',
  'connections',
  'exceptRooms',
  'exceptUsers',
  'exceptConnections',
] as const;

describe('a target as bytes', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyTarget, (target) => {
        expect(decodeTarget(encodeTarget(target))).toEqual(target);
      }),
      { numRuns: 300 },
    );
  });

  it.each(LISTS)('keeps %s apart from the other lists', (list) => {
    const target = extend(EVERYONE, list, ['x', '🚀', 'x'.repeat(255)]);
    expect(decodeTarget(encodeTarget(target))).toEqual(target);
  });

  it('of everyone is not that of nobody', () => {
    const nobody = extend(EVERYONE, 'rooms', []);
    expect(decodeTarget(encodeTarget(EVERYONE))).toEqual(EVERYONE);
    expect(decodeTarget(encodeTarget(nobody))).toEqual(nobody);
  });

  it.each<[string, number[]]>([
    ['an unknown tag', [9, 0, 0]],
    ['half an entry', [1, 0]],
    ['a name that is cut off', [1, 0, 2, 97]],
    ['a length far beyond the end', [1, 255, 255, 97]],
    ['something behind the last entry', [1, 0, 1, 97, 2]],
  ])('with %s is none', (_, bytes) => {
    expect(decodeTarget(Buffer.from(bytes))).toBeUndefined();
  });

  it('is read without a throw and without a look outside, whatever the bytes are', () => {
    const valid = encodeTarget({
      ...EVERYONE,
      rooms: ['red', 'blue'],
      users: ['ann'],
      connections: ['0123456789abcdef.1'],
      exceptRooms: ['x'.repeat(200)],
    });
    let read = 0;
    for (const bytes of mutants(valid, 100_000)) {
      const target = decodeTarget(withinOutside(bytes));
      if (!target) continue;
      read++;
      if (namesIn(target).join('').includes(OUTSIDE))
        throw new Error(`Read outside of ${bytes.toString('hex')}`);
    }
    // Some mutants are targets: else this would show little.
    expect(read).toBeGreaterThan(1_000);
  });
});

function namesIn(target: Target): string[] {
  return LISTS.flatMap((list) => [...target[list]]);
}
