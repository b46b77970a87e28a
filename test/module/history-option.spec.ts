import { describe, expect, it } from '@jest/globals';
import { HistoryRules } from '../../lib/cluster/common/history-rules.js';
import { BackplaneConfigError } from '../../lib/errors/backplane-config.error.js';
import { historyRules } from '../../lib/module/history-option.js';

const LIMITS = { size: 200, ttlMs: 300_000 };
const DAY_MS = 86_400_000;

describe('the option "history"', () => {
  it('is none by default', () => {
    expect(historyRules(undefined)).toEqual([]);
    expect(new HistoryRules([]).any).toBe(false);
  });

  it.each<[string, string | RegExp, string[], string[]]>([
    ['a name', 'orders', ['orders'], ['orders:1', 'order']],
    ['a prefix', 'orders:*', ['orders:', 'orders:1', 'orders:*'], ['orders', 'x:orders:1']],
    ['a prefix of everything', '*', ['', 'anything'], []],
    ['a star within a name', 'a*b', ['a*b'], ['axb', 'ab']],
    ['an expression', /^log\d$/, ['log1', 'log2'], ['log', 'log12']],
    ['an expression that would remember', /a/g, ['a', 'ba'], ['b']],
  ])('finds rooms by %s', (_, rooms, matching, others) => {
    const rules = new HistoryRules(historyRules([{ rooms, ...LIMITS }]));
    const has = (room: string): boolean => rules.ruleFor('room', room) !== undefined;
    // Twice: an expression with a memory would say otherwise the second time.
    for (const room of [...matching, ...matching]) expect([room, has(room)]).toEqual([room, true]);
    for (const room of others) expect([room, has(room)]).toEqual([room, false]);
    expect(rules.ruleFor('user', matching[0]!)).toBeUndefined();
    expect(rules.ruleFor('all', '')).toBeUndefined();
  });

  it('lets the first rule that matches win', () => {
    const rules = new HistoryRules(
      historyRules([
        { rooms: 'a:b', ...LIMITS, size: 1 },
        { rooms: 'a:*', ...LIMITS, size: 2 },
        { users: true, ...LIMITS, size: 3 },
        { all: true, ...LIMITS, size: 4, durability: 'replicated' },
      ]),
    );
    expect(rules.ruleFor('room', 'a:b')!.size).toBe(1);
    expect(rules.ruleFor('room', 'a:c')!.size).toBe(2);
    expect(rules.ruleFor('user', 'a:b')!.size).toBe(3);
    expect(rules.ruleFor('all', '')).toMatchObject({ size: 4, durability: 'replicated' });
  });

  it('keeps the numbering ten times as long as the entries, and a day at least', () => {
    const [short, long] = historyRules([
      { rooms: 'a', ...LIMITS },
      { rooms: 'b', size: 1, ttlMs: DAY_MS },
    ]);
    expect([short!.metaTtlMs, long!.metaTtlMs]).toEqual([DAY_MS, 10 * DAY_MS]);
  });

  it.each<[string, unknown, RegExp]>([
    ['no list', {}, /"history" must be a list of rules/],
    ['no rule', ['orders'], /"history\[0\]" must be a rule/],
    ['nothing selected', [LIMITS], /"history\[0\]" must say one of .* got none/],
    ['too much selected', [{ rooms: 'a', users: true, ...LIMITS }], /got rooms and users/],
    ['an empty room', [{ rooms: '', ...LIMITS }], /"history\[0\].rooms" must be a room's name/],
    ['a list of rooms', [{ rooms: ['a'], ...LIMITS }], /"history\[0\].rooms"/],
    ['users false', [{ users: false, ...LIMITS }], /"history\[0\].users" must be true/],
    ['no size', [{ rooms: 'a', ttlMs: 1 }], /"history\[0\].size" is missing/],
    ['no ttl', [{ rooms: 'a', size: 1 }], /"history\[0\].ttlMs" is missing/],
    ['a size as text', [{ rooms: 'a', size: '1', ttlMs: 1 }], /"history\[0\].size" .* Number/],
    ['a size without end', [{ rooms: 'a', size: 1e6, ttlMs: 1 }], /at most 100000/],
    ['half a millisecond', [{ rooms: 'a', size: 1, ttlMs: 0.5 }], /"history\[0\].ttlMs"/],
    ['an unknown name', [{ rooms: 'a', ...LIMITS, ttl: 1 }], /no option "history\[0\].ttl"/],
    [
      'another durability',
      [{ rooms: 'a', ...LIMITS, durability: 'disk' }],
      /"history\[0\].durability" must be 'replicated'/,
    ],
  ])('refuses %s', (_, given, message) => {
    expect(() => historyRules(given)).toThrow(BackplaneConfigError);
    expect(() => historyRules(given)).toThrow(message);
  });
});
