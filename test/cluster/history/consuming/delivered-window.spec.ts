import { describe, expect, it } from '@jest/globals';

import { DeliveredWindow } from '../../../../lib/cluster/history/consuming/delivered-window.js';

describe('recent tags', () => {
  it('know the tags of the newest offsets, and no others', () => {
    const tags = new DeliveredWindow({ offset: 7, tag: 'g' }, 3);
    expect([tags.oldest, tags.newest]).toEqual([7, 7]);
    for (const [offset, tag] of ['h', 'i', 'j', 'k'].entries())
      tags.add({ offset: 8 + offset, tag });
    expect([tags.oldest, tags.newest]).toEqual([9, 11]);
    expect([8, 9, 10, 11, 12].map((offset) => tags.at(offset))).toEqual([
      undefined,
      'i',
      'j',
      'k',
      undefined,
    ]);
    expect(tags.has({ offset: 10, tag: 'j' })).toBe(true);
    expect(tags.has({ offset: 10, tag: 'i' })).toBe(false);
  });

  it('forget what followed an entry that another follows now', () => {
    const tags = new DeliveredWindow({ offset: 0, tag: '' }, 64);
    for (const [index, tag] of ['a', 'b', 'c', 'd'].entries()) tags.add({ offset: index + 1, tag });
    tags.add({ offset: 3, tag: 'x' });
    expect([0, 1, 2, 3, 4].map((offset) => tags.at(offset))).toEqual([
      '',
      'a',
      'b',
      'x',
      undefined,
    ]);
    expect(tags.newest).toBe(3);
  });
});
