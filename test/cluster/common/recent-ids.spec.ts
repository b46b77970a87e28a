import { describe, expect, it } from '@jest/globals';
import { RecentIds } from '../../../lib/cluster/common/recent-ids.js';

describe('recent ids', () => {
  it('know an id again while it is among the last ones', () => {
    const ids = new RecentIds(3);
    expect(['a', 'b', 'a', 'c', 'b'].map((id) => ids.add(id))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
    expect(ids.add('d')).toBe(true); // in the place of a
    expect(['b', 'c', 'd'].map((id) => ids.add(id))).toEqual([false, false, false]);
    expect(ids.add('a')).toBe(true); // in the place of b
    expect(ids.add('b')).toBe(true);
  });

  it('remember 65,536 unless told otherwise', () => {
    const ids = new RecentIds();
    for (let i = 0; i < 65_536; i++) ids.add(String(i));
    expect(ids.add('0')).toBe(false);
    ids.add('one more');
    expect(ids.add('0')).toBe(true);
  });

  it('take names that objects have', () => {
    const ids = new RecentIds();
    expect(['__proto__', 'constructor', '__proto__'].map((id) => ids.add(id))).toEqual([
      true,
      true,
      false,
    ]);
  });
});
