import { jest } from '@jest/globals';

// A hundred thousand of them take seconds, and more on a machine that is busy.
jest.setTimeout(60_000);

/** What lies around the bytes in {@link withinOutside}; never part of them. */
export const OUTSIDE = 'OUTSIDE';

/**
 * The bytes as a view into the middle of a larger buffer, as they come from a socket: to read past
 * their end finds something.
 */
export function withinOutside(bytes: Buffer): Buffer {
  const { length } = AROUND;
  return Buffer.concat([AROUND, bytes, AROUND]).subarray(length, length + bytes.length);
}

const AROUND = Buffer.from(OUTSIDE.repeat(20));

/**
 * So many byte strings, the same at each run: a third random ones of any length, the rest the valid
 * one with bits flipped, bytes overwritten, parts cut out, doubled or swapped.
 */
export function* mutants(valid: Buffer, count: number, seed = 1): Generator<Buffer> {
  const random = generator(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  for (let i = 0; i < count; i++) {
    if (i % 3 === 0) {
      const bytes = Buffer.allocUnsafe(below(2 * valid.length + 8));
      for (let at = 0; at < bytes.length; at++) bytes[at] = below(256);
      yield bytes;
      continue;
    }
    let bytes = Buffer.from(valid);
    for (let changes = 1 + below(3); changes > 0 && bytes.length > 0; changes--) {
      const at = below(bytes.length);
      const to = at + below(bytes.length - at + 1);
      switch (below(6)) {
        case 0:
          bytes[at]! ^= 1 << below(8);
          break;
        case 1:
          bytes[at] = [0, 1, 127, 128, 255, below(256)][below(6)]!;
          break;
        case 2:
          bytes = bytes.subarray(0, at);
          break;
        case 3:
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
          break;
        case 4:
          bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
          break;
        default:
          bytes.subarray(at, to).reverse();
      }
    }
    yield bytes;
  }
}

/** Numbers from 0 up to 1, the same for the same seed (xorshift). */
function generator(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
