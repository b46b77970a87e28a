import { describe, expect, it } from '@jest/globals';
import { HistoryRules } from '../../../lib/cluster/continuity/history-rules.js';
import { splitTarget } from '../../../lib/cluster/continuity/split-target.js';
import { EVERYONE, type Target } from '../../../lib/hub/target.js';
import { historyRules } from '../../../lib/module/history-option.js';

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
});
