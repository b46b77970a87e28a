import { describe, expect, it } from '@jest/globals';
import { EVERYONE, extend } from '../../lib/hub/target.js';

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
