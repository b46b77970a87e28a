import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HistoryRules } from '../../../../lib/cluster/common/history-rules.js';
import { splitTarget } from '../../../../lib/cluster/history/publishing/split-target.js';
import { Hub } from '../../../../lib/hub/hub.js';
import { EVERYONE, type Target } from '../../../../lib/hub/target.js';
import { FlushScheduler } from '../../../../lib/hub/flush-scheduler.js';
import { historyRules } from '../../../../lib/module/history-option.js';
import { FakeMember } from '../../../hub/fake-member.js';

const LIMITS = { size: 1, ttlMs: 1 };
const rules = new HistoryRules(
  historyRules([
    { rooms: 'kept:*', ...LIMITS },
    { users: true, ...LIMITS },
  ]),
);

const to = (target: Partial<Target>): Target => ({ ...EVERYONE, everyone: false, ...target });
const named = (target: Target): Partial<Target> =>
  Object.fromEntries(
    Object.entries(target).filter(([, names]) => Array.isArray(names) && names.length > 0),
  );

/** Each part by the names in it, the live one last. */
function partsOf(target: Target): unknown[] {
  const { logged, live } = splitTarget(target, rules);
  const kept = logged.map((part) => [part.kind, part.name, named(part.target)]);
  return live ? [...kept, ['live', '', named(live)]] : kept;
}

describe('a target is taken apart', () => {
  it('not at all where nothing has a history', () => {
    const target = to({ rooms: ['a', 'b'], connections: ['c'] });
    expect(splitTarget(target, rules)).toEqual({ logged: [], live: target });
    expect(splitTarget(EVERYONE, rules)).toEqual({ logged: [], live: EVERYONE });
  });

  it('into one part for one room', () => {
    expect(partsOf(to({ rooms: ['kept:1'] }))).toEqual([['room', 'kept:1', { rooms: ['kept:1'] }]]);
  });

  it('into a part for each that has a history, and the rest, none of which meets another', () => {
    const target = to({
      rooms: ['a', 'kept:1', 'kept:2'],
      users: ['ann'],
      connections: ['c'],
      exceptRooms: ['x'],
      exceptConnections: ['y'],
    });
    const excepted = { exceptConnections: ['y'] };
    expect(partsOf(target)).toEqual([
      ['room', 'kept:1', { rooms: ['kept:1'], exceptRooms: ['x'], ...excepted }],
      ['room', 'kept:2', { rooms: ['kept:2'], exceptRooms: ['x', 'kept:1'], ...excepted }],
      ['user', 'ann', { users: ['ann'], exceptRooms: ['x', 'kept:1', 'kept:2'], ...excepted }],
      [
        'live',
        '',
        {
          rooms: ['a'],
          connections: ['c'],
          exceptRooms: ['x', 'kept:1', 'kept:2'],
          exceptUsers: ['ann'],
          ...excepted,
        },
      ],
    ]);
  });

  it('everyone is one part, where there is a rule for all', () => {
    const all = new HistoryRules(historyRules([{ all: true, ...LIMITS }]));
    expect(splitTarget(EVERYONE, all)).toMatchObject({
      logged: [{ kind: 'all', name: '', target: EVERYONE }],
      live: undefined,
    });
  });

  it('into parts of which exactly one means a connection that the target means', () => {
    const names = (from: string[]): fc.Arbitrary<string[]> =>
      fc.uniqueArray(fc.constantFrom(...from));
    const rooms = names(['kept:1', 'kept:2', 'kept:3', 'a', 'b']);
    const users = names(['ann', 'bob', 'cid']);
    const connections = names(['1', '2']);
    const withoutUserRule = new HistoryRules(historyRules([{ rooms: 'kept:*', ...LIMITS }]));
    const hub = new Hub('/', { turn: new FlushScheduler(), coalesceMs: 0 });
    fc.assert(
      fc.property(
        fc.record({
          rooms,
          users,
          connections,
          exceptRooms: rooms,
          exceptConnections: connections,
        }),
        fc.record({ user: fc.constantFrom('ann', 'bob', undefined), joined: rooms }),
        fc.constantFrom(rules, withoutUserRule),
        (target, { user, joined }, ruled) => {
          const member = new FakeMember('1', user);
          for (const room of joined) member.rooms.add(room);
          const { logged, live } = splitTarget(to(target), ruled);
          const parts = [...logged.map((part) => part.target), ...(live ? [live] : [])];
          const meant = parts.filter((part) => hub.matches(member, part));
          expect(meant).toHaveLength(hub.matches(member, to(target)) ? 1 : 0);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  describe('that many names do not make slow or large:', () => {
    const many = (prefix: string, count: number): string[] =>
      Array.from({ length: count }, (_, i) => `${prefix}${i}`);

    it('users in any number, none of whom lists another', () => {
      const { logged, live } = splitTarget(to({ users: many('u', 50_000) }), rules);
      expect([logged.length, live]).toEqual([50_000, undefined]);
      const listed = new Set(logged.flatMap(({ target }) => Object.keys(named(target))));
      expect([...listed]).toEqual(['users']);
      expect(logged.every(({ name, target }) => target.users.join() === name)).toBe(true);
    });

    it('64 rooms with a history, besides any number without', () => {
      const rooms = [...many('kept:', 64), ...many('r', 20_000)];
      const { logged, live } = splitTarget(to({ rooms }), rules);
      expect([logged.length, live!.rooms.length]).toEqual([64, 20_000]);
    });

    it.each([65, 100_000])('%d rooms with a history are refused', (count) => {
      expect(() => splitTarget(to({ rooms: many('kept:', count) }), rules)).toThrow(
        new TypeError(
          `One message can go to at most 64 rooms with a history, got ${count}. Send it in several calls, or to one room ` +
            'that all of them join.',
        ),
      );
    });

    it('many exceptions of many users are refused', () => {
      const target = (users: number, excepts: number): Target =>
        to({ users: many('u', users), exceptRooms: many('x', excepts) });
      expect(() => splitTarget(target(65, 65), rules)).toThrow(
        /at most 64 exceptions, got 65 and 65/,
      );
      expect(splitTarget(target(64, 1_000), rules).logged).toHaveLength(64);
      expect(splitTarget(target(1_000, 64), rules).logged).toHaveLength(1_000);
    });
  });
});
