import { describe, expect, it } from '@jest/globals';
import {
  EVERYONE,
  extend,
  extendLater,
  type LateTarget,
  type TargetList,
  targetOf,
} from '../../lib/hub/target.js';
import { growthOf } from '../support/growth.js';
import { Random } from '../support/random.js';

describe('a target', () => {
  it('is everyone until somebody is named, even nobody', () => {
    expect(EVERYONE.everyone).toBe(true);
    for (const list of ['rooms', 'users', 'connections'] as const) {
      expect(extend(EVERYONE, list, [])).toMatchObject({ everyone: false, [list]: [] });
      expect(extend(EVERYONE, list, ['a'])).toMatchObject({ everyone: false, [list]: ['a'] });
    }
  });

  it('stays everyone with exceptions', () => {
    for (const list of ['exceptRooms', 'exceptUsers', 'exceptConnections'] as const) {
      expect(extend(EVERYONE, list, ['a'])).toMatchObject({ everyone: true, [list]: ['a'] });
    }
  });

  it('holds each name once, in the order in which they were named first', () => {
    const target = extend(extend(EVERYONE, 'rooms', ['b', 'a', 'b']), 'rooms', ['a', 'c']);
    expect(target.rooms).toEqual(['b', 'a', 'c']);
  });

  it('is never changed', () => {
    const rooms = ['a'];
    const one = extend(EVERYONE, 'rooms', rooms);
    const two = extend(one, 'rooms', ['b']);
    rooms.push('c');
    expect([EVERYONE.rooms, one.rooms, two.rooms]).toEqual([[], ['a'], ['a', 'b']]);
    expect(Object.isFrozen(EVERYONE)).toBe(true);
  });
});

describe('a target that many calls add to', () => {
  const LISTS: readonly TargetList[] = ['rooms', 'users', 'exceptRooms', 'exceptConnections'];

  it('is what each call would have made of it', () => {
    const chance = new Random(7);
    const random = () => chance.next();
    let late: LateTarget = EVERYONE;
    let plain = EVERYONE;
    for (let call = 0; call < 2_000; call++) {
      const list = LISTS[Math.floor(random() * LISTS.length)]!;
      const names = Array.from({ length: Math.floor(random() * 4) }, () =>
        String(Math.floor(random() * 500)),
      );
      const before = late;
      late = extendLater(late, list, names);
      const next = extend(plain, list, names);
      // Asked for in between, or not.
      if (random() < 0.1) expect(targetOf(late)).toEqual(next);
      if (random() < 0.1) expect(targetOf(before)).toEqual(plain);
      plain = next;
    }
    expect(targetOf(late)).toEqual(plain);
  });

  it('takes no longer for a call of many than of few', () => {
    const growth = growthOf((n) => {
      let target: LateTarget = EVERYONE;
      for (let i = 0; i < n; i++) target = extendLater(target, 'rooms', [`room ${i}`]);
      expect(targetOf(target).rooms).toHaveLength(n);
    }, 500);
    expect(growth).toBeLessThan(6);
  });
});
