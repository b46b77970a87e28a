import { describe, expect, it } from '@jest/globals';
import { GRANT_BYTES, MAX_TO_COME_BYTES } from '../../../lib/cluster/requests/answer-bounds.js';
import { AnswerWindow } from '../../../lib/cluster/requests/answer-window.js';

const WINDOW = 2 * GRANT_BYTES;

describe('The window for answers', () => {
  const window = (): {
    open: (name: string) => ReturnType<AnswerWindow['open']>;
    granted: Record<string, number>;
  } => {
    const all = new AnswerWindow(WINDOW);
    const granted: Record<string, number> = {};
    const open = (name: string): ReturnType<AnswerWindow['open']> =>
      all.open(10, (_, allowedBytes) => (granted[name] = allowedBytes - 10));
    return { open, granted };
  };

  it('lets one instance send no more at a time than it holds, and then as it comes', () => {
    const { open, granted } = window();
    const a = open('a');
    a.arrived(10, 10 * GRANT_BYTES);
    expect(granted).toEqual({ a: WINDOW });
    a.arrived(GRANT_BYTES, 9 * GRANT_BYTES);
    expect(granted).toEqual({ a: WINDOW + GRANT_BYTES });
  });

  it('is for all together, in turns', () => {
    const { open, granted } = window();
    const [a, b, c] = [open('a'), open('b'), open('c')];
    a.arrived(10, GRANT_BYTES);
    b.arrived(10, 5 * GRANT_BYTES);
    c.arrived(10, 5 * GRANT_BYTES);
    expect(granted).toEqual({ a: GRANT_BYTES, b: GRANT_BYTES });
    // In the order in which they came to want more.
    a.arrived(GRANT_BYTES, 0);
    expect(granted).toEqual({ a: GRANT_BYTES, b: 2 * GRANT_BYTES });
    b.arrived(GRANT_BYTES, 4 * GRANT_BYTES);
    expect(granted).toEqual({ a: GRANT_BYTES, b: 2 * GRANT_BYTES, c: GRANT_BYTES });
    b.arrived(GRANT_BYTES, 3 * GRANT_BYTES);
    expect(granted).toEqual({ a: GRANT_BYTES, b: 3 * GRANT_BYTES, c: GRANT_BYTES });
    c.arrived(GRANT_BYTES, 4 * GRANT_BYTES);
    expect(granted).toEqual({ a: GRANT_BYTES, b: 3 * GRANT_BYTES, c: 2 * GRANT_BYTES });
  });

  it('lets one that sends nothing keep no other from sending', () => {
    const all = new AnswerWindow();
    const granted: Record<string, number> = {};
    const open = (name: string): ReturnType<AnswerWindow['open']> =>
      all.open(10, (_, allowedBytes) => (granted[name] = allowedBytes - 10));
    for (const name of ['a', 'b']) open(name).arrived(10, 100 * GRANT_BYTES);
    expect(granted).toEqual({ a: MAX_TO_COME_BYTES, b: MAX_TO_COME_BYTES });
  });

  it('allows nothing that is not wanted, and nothing twice', () => {
    const { open, granted } = window();
    const a = open('a');
    a.arrived(5, 5);
    expect(granted).toEqual({});
    a.arrived(5, 7);
    expect(granted).toEqual({ a: 7 });
    a.arrived(3, 4);
    expect(granted).toEqual({ a: 7 });
  });

  it('has room again when an answer ends before all of it has come', () => {
    const { open, granted } = window();
    const [a, b] = [open('a'), open('b')];
    a.arrived(10, 10 * GRANT_BYTES);
    b.arrived(10, GRANT_BYTES);
    expect(granted).toEqual({ a: WINDOW });
    expect(a.close()).toBe(true);
    expect(a.close()).toBe(false);
    expect(granted).toEqual({ a: WINDOW, b: GRANT_BYTES });
    a.arrived(GRANT_BYTES, 9 * GRANT_BYTES);
    expect(granted).toEqual({ a: WINDOW, b: GRANT_BYTES });
  });
});
