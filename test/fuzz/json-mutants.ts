import type { Random } from '../support/random.js';

const DEPTHS = [1, 2, 62, 63, 64, 65, 66, 70, 500, 1_000, 1_001];
/** About where V8 can encode a value no more, and far beyond. */
const HUGE_DEPTHS = [3_000, 4_000, 4_100, 4_200, 8_000, 50_000, 200_000];
const ODD_TEXTS = [
  'null',
  'true',
  '0',
  '-0',
  '1e400',
  '-1E-400',
  '123456789012345678901234567890',
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"𝄞"',
  '"\\"[{\\\\"',
  '{}',
  '[]',
  '[[],{}]',
  '{"__proto__":{"event":"echo"}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"toJSON":1,"then":1,"toString":1,"length":4294967295}',
  '{"type":"Buffer","data":[1,2,3]}',
  '{"odd":1}',
];

/** The text of a JSON value as nobody wants it: deep, long, wide, or of an odd kind. */
export function oddJson(random: Random): string {
  switch (random.between(0, 9)) {
    case 0:
    case 1:
      return deepJson(random, random.pick(DEPTHS));
    case 2:
      return random.chance(0.05) ? deepJson(random, random.pick(HUGE_DEPTHS)) : '[[[]]]';
    case 3:
      return `"${'x\\n"['.replace('"', '\\"').repeat(sizeOf(random))}"`;
    case 4:
      return `[${Array(sizeOf(random)).fill('{"a":[]}').join(',')}]`;
    case 5:
      return `{${Array.from({ length: sizeOf(random) }, (_, i) => `"k${i}":${i}`).join(',')}}`;
    default:
      return random.pick(ODD_TEXTS);
  }
}

/** Mostly few; now and then tens of thousands, and more than `maxPayloadBytes` allows. */
function sizeOf(random: Random): number {
  if (random.chance(0.000_2)) return 200_000;
  return random.chance(0.01) ? random.between(1_000, 40_000) : random.between(0, 30);
}

function deepJson(random: Random, levels: number): string {
  const open = random.pick(['[', '{"a":', '[1,', '{"a":"[","b":']);
  const close = open.startsWith('[') ? ']' : '}';
  const closing = random.chance(0.1) ? levels - 1 : levels;
  return `${open.repeat(levels)}0${close.repeat(closing)}`;
}

/** The bytes with some of them changed: flipped, overwritten, cut out, doubled, reversed. */
export function mutated(random: Random, bytes: Buffer): Buffer {
  let changed = Buffer.from(bytes);
  for (let changes = random.between(1, 3); changes > 0 && changed.length > 0; changes--) {
    const at = random.between(0, changed.length - 1);
    const to = random.between(at, changed.length);
    switch (random.between(0, 5)) {
      case 0:
        changed[at]! ^= 1 << random.between(0, 7);
        break;
      case 1:
        changed[at] = random.pick([0, 1, 0x22, 0x5b, 0x5d, 0x7b, 0x7d, 127, 128, 255]);
        break;
      case 2:
        changed = changed.subarray(0, at);
        break;
      case 3:
        changed = Buffer.concat([changed.subarray(0, at), changed.subarray(to)]);
        break;
      case 4:
        changed = Buffer.concat([changed.subarray(0, to), changed.subarray(at)]);
        break;
      default:
        changed.subarray(at, to).reverse();
    }
  }
  return changed;
}
