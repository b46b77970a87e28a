import fc from 'fast-check';
import type { Target } from '../../lib/hub/target.js';

/** A name that `join` and `to` take: well-formed, not empty, at most 255 bytes of UTF-8. */
export const anyName = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }),
    fc.constantFrom('*', ':', '{', '}', '%', '%3A', '__proto__', 'a:b', '{x}', '🚀'),
    // What channels' names are made of, in any mixture.
    fc
      .array(fc.constantFrom('a', ':', '{', '}', '%', '3A', '/', 'room', 'all'), {
        minLength: 1,
        maxLength: 8,
      })
      .map((parts) => parts.join('')),
  )
  .filter((name) => Buffer.byteLength(name) <= 255);

const names = fc.uniqueArray(anyName, { maxLength: 5 });

export const anyTarget: fc.Arbitrary<Target> = fc.record({
  everyone: fc.boolean(),
  rooms: names,
  users: names,
  connections: names,
  exceptRooms: names,
  exceptUsers: names,
  exceptConnections: names,
});
