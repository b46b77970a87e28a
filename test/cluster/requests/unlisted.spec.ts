import { describe, expect, it } from '@jest/globals';
import { Unlisted } from '../../../lib/cluster/requests/unlisted.js';

describe('Who hears a request and is in no list', () => {
  it('is how many more have heard it than are known to', () => {
    const unlisted = new Unlisted();
    expect(unlisted.among('c', 5, 5)).toBe(0);
    expect(unlisted.among('c', 5, 2)).toBe(3);
    expect(unlisted.among('c', 1, 2)).toBe(0);
    expect(unlisted.among('c', undefined, 2)).toBe(0);
  });

  it('is waited for no more on a channel where it did not answer, until it has gone', () => {
    const unlisted = new Unlisted();
    expect(unlisted.among('c', 4, 2)).toBe(2);
    unlisted.didNotAnswer('c', 1);
    expect([unlisted.among('c', 4, 2), unlisted.among('other', 4, 2)]).toEqual([1, 2]);
    expect(unlisted.among('c', 5, 2)).toBe(2);
    expect(unlisted.among('c', 2, 2)).toBe(0);
    expect(unlisted.among('c', 3, 2)).toBe(1);
  });

  it('may be one that has said goodbye', () => {
    const unlisted = new Unlisted();
    unlisted.left();
    expect([unlisted.among('c', 3, 2), unlisted.among('c', 4, 2)]).toEqual([0, 1]);
  });
});
