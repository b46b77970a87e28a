import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  isTextDeeperThan,
  isValueDeeperThan,
  jsonText,
  outlineOf,
  SAFE_DEPTH,
  safeJsonText,
} from '../../../lib/cluster/common/json.js';

/** A list in a list in a list. */
function lists(levels: number, innermost: unknown[] = []): unknown[] {
  let value = innermost;
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** Values that JSON holds, with what looks like structure in their strings and keys. */
const json = fc
  .anything({
    values: [fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', '\\', 'a', '\n', '𝄞') })],
    key: fc.string({ unit: fc.constantFrom('[', '}', '"', '\\', 'k') }),
    maxDepth: 8,
  })
  .filter((value) => JSON.stringify(value) !== undefined);

describe('The depth of a JSON text', () => {
  it('is that of the value in it, however it is written', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1), fc.nat(10), (value, indent, levels) => {
        // Padded, for short text is not looked at.
        const text = JSON.stringify(value, undefined, indent) + ' '.repeat(30);
        expect(isTextDeeperThan(text, levels)).toBe(depthOf(JSON.parse(text)) > levels);
      }),
      { numRuns: 2_000 },
    );
  });

  it('counts each level of lists and of objects, and the limit itself is not too deep', () => {
    for (const levels of [1, 2, 64, 1_000]) {
      const list = '['.repeat(levels) + ']'.repeat(levels);
      const object = '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);
      for (const text of [list, object]) {
        expect(isTextDeeperThan(text, levels)).toBe(false);
        expect(isTextDeeperThan(text, levels - 1)).toBe(true);
      }
    }
  });

  it('is looked at in a megabyte, and in text that is no JSON', () => {
    expect(isTextDeeperThan('['.repeat(1_000_000), 64)).toBe(true);
    expect(isTextDeeperThan('"'.repeat(1_000_001), 64)).toBe(false);
    expect(isTextDeeperThan(`"${'\\"['.repeat(100_000)}`, 64)).toBe(false);
    expect(isTextDeeperThan('[],'.repeat(100_000), 64)).toBe(false);
    expect(isTextDeeperThan(`"${'['.repeat(1_000_000)}`, 64)).toBe(false);
  });
});

describe('The outline of a JSON text', () => {
  it('has the members that are no objects, and null for those that are', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), (value) => {
        const parsed = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
        const flat = Object.entries(parsed).map(([name, member]) => [
          name,
          typeof member === 'object' ? null : member,
        ]);
        const outline = outlineOf(JSON.stringify(value));
        expect(Object.entries(JSON.parse(outline))).toEqual(flat);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is no JSON where the text ends too early', () => {
    for (const text of ['{"id":1,"a":[', '{"id":1,"a":[[]', '{"id":1,"a":"[', '{"id":1,"a":[]'])
      expect(() => JSON.parse(outlineOf(text))).toThrow(SyntaxError);
  });
});

describe('The depth of a value', () => {
  it('is that of its JSON, for plain data', () => {
    fc.assert(
      fc.property(json, fc.nat(10), (value, levels) => {
        const plain = JSON.parse(JSON.stringify(value)) as unknown;
        expect(isValueDeeperThan(plain, levels)).toBe(depthOf(plain) > levels);
      }),
      { numRuns: 1_000 },
    );
  });

  it('has a bound in cycles, and in parts that occur at many places', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle, cycle);
    expect(isValueDeeperThan(cycle, 64)).toBe(true);
    let shared: unknown[] = [];
    for (let level = 1; level < 60; level++) shared = [shared, shared];
    expect(isValueDeeperThan(shared, 60)).toBe(false);
    expect(isValueDeeperThan(shared, 59)).toBe(true);
  });

  it('is looked at without a call stack', () => {
    expect(isValueDeeperThan(lists(100_000), 99_999)).toBe(true);
    expect(isValueDeeperThan(lists(100_000), 100_000)).toBe(false);
  });

  it('counts maps and sets, and goes into no bytes', () => {
    expect(isValueDeeperThan(new Map([[1, new Map([[1, new Set([[]])]])]]), 4)).toBe(false);
    expect(isValueDeeperThan(new Map([[1, new Map([[1, new Set([[]])]])]]), 3)).toBe(true);
    expect(isValueDeeperThan(new Map([[[[]], 1]]), 2)).toBe(true);
    const leaves = [Buffer.alloc(1_000_000), new Float64Array(9), new ArrayBuffer(9), new Date()];
    expect(isValueDeeperThan(leaves, 1)).toBe(false);
    for (const leaf of [undefined, null, 1n, Symbol('s'), () => {}, 'text'])
      expect(isValueDeeperThan(leaf, 0)).toBe(false);
  });

  it('is looked at past getters and proxies that throw', () => {
    const thrower = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no keys');
        },
        getPrototypeOf: () => {
          throw new Error('no prototype');
        },
      },
    );
    const revoked = Proxy.revocable([], {});
    revoked.revoke();
    const value = {
      get bad(): never {
        throw new Error('a getter');
      },
      thrower,
      revoked: revoked.proxy,
      deep: lists(10),
    };
    expect(isValueDeeperThan(value, 11)).toBe(false);
    expect(isValueDeeperThan(value, 10)).toBe(true);
  });

  it('has an end where there is none in what is looked at', () => {
    const endless = (): object =>
      new Proxy([], {
        ownKeys: () => ['0', '1', 'length'],
        get: () => endless(),
        getOwnPropertyDescriptor: (target, name) =>
          name === 'length'
            ? Reflect.getOwnPropertyDescriptor(target, name)
            : { enumerable: true, configurable: true, value: 1 },
      });
    expect(isValueDeeperThan(endless(), 16)).toBe(true);
  });

  it('takes a list of a million numbers', () => {
    expect(isValueDeeperThan(Array.from({ length: 1_000_000 }, Math.random), 1)).toBe(false);
  });
});

describe('JSON of a value', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;

  it.each<[string, unknown, RegExp]>([
    ['a function', () => {}, /function/],
    ['a symbol', Symbol('s'), /symbol/],
    ['undefined', undefined, /undefined/],
    ['a BigInt', { n: 1n }, /BigInt/],
    ['a cycle', cycle, /circular/],
    ['too many levels', lists(100_000), /call stack/],
    ['a toJSON that returns nothing', { toJSON() {} }, /an object of Object/],
    [
      'a getter that throws what is no error',
      Object.defineProperty({}, 'x', {
        enumerable: true,
        get() {
          throw Object.create(null);
        },
      }),
      /an object of no class/,
    ],
  ])('refuses %s, and says so', (_, value, words) => {
    const attempt = (): string => jsonText('The answer', value);
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(/^The answer .*Send plain data/);
    expect(attempt).toThrow(words);
    expect(safeJsonText(value)).toBeUndefined();
  });

  it('is safe up to a thousand levels: it can be wrapped and encoded again', () => {
    expect(safeJsonText(lists(SAFE_DEPTH))).toBe(JSON.stringify(lists(SAFE_DEPTH)));
    expect(safeJsonText(lists(SAFE_DEPTH + 1))).toBeUndefined();
    const text = JSON.stringify({ entries: lists(500, [lists(SAFE_DEPTH)]) });
    expect(JSON.stringify(JSON.parse(text))).toBe(text);
  });
});
