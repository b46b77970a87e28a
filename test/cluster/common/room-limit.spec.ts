import { describe, expect, it } from '@jest/globals';
import { WsException } from '@nestjs/websockets';
import { BackplaneClosedError, BackplaneError, LimitExceededError } from 'nestjs-redis-backplane';
import { assertMayJoin, roomsToJoin } from '../../../lib/cluster/common/room-limit.js';

const member = (maxRooms: number, ...rooms: string[]) => ({ maxRooms, rooms: new Set(rooms) });
const names = (count: number) => Array.from({ length: count }, (_, i) => `room ${i}`);

function errorOf(attempt: () => unknown): LimitExceededError {
  try {
    attempt();
  } catch (error) {
    return error as LimitExceededError;
  }
  throw new Error('It was let through.');
}

describe('The rooms that a member may join', () => {
  it('are given one by one, in lists, or both, and come back once each', () => {
    expect(roomsToJoin(member(3), ['a', ['b', 'a'], 'c'])).toEqual(['a', 'b', 'c']);
    expect(
      roomsToJoin(
        member(1),
        Array.from({ length: 1_000 }, () => 'a'),
      ),
    ).toEqual(['a']);
    expect(roomsToJoin(member(1), [])).toEqual([]);
    expect(roomsToJoin(member(Infinity), [names(5_000)])).toHaveLength(5_000);
  });

  it('are refused by their number before they are looked at', () => {
    let looks = 0;
    const huge = new Proxy(names(100_000), {
      get: (list, key, self) => {
        looks++;
        return Reflect.get(list, key, self) as unknown;
      },
    });
    const error = errorOf(() => roomsToJoin(member(10, 'x'), [huge]));
    expect(error).toMatchObject({ limit: 'rooms', max: 10, current: 1, asked: 100_000 });
    expect(looks).toBeLessThan(100);
    // Not even whether they can be rooms.
    expect(errorOf(() => roomsToJoin(member(2), ['', 7, {}] as string[])).code).toBe(
      'LIMIT_EXCEEDED',
    );
  });

  it('are refused for what they are where there are few', () => {
    for (const wrong of ['', 7, {}, null, ['nested'], '\ud800']) {
      expect(() => roomsToJoin(member(10), [['fine', wrong as string]])).toThrow(TypeError);
    }
  });

  it('are up to the limit, itself included; one that it is in already costs nothing', () => {
    expect(() => assertMayJoin(member(3, 'a'), ['b', 'c'])).not.toThrow();
    expect(() => assertMayJoin(member(3, 'a', 'b', 'c'), ['a', 'b', 'c'])).not.toThrow();
    expect(() => assertMayJoin(member(3, 'a', 'b'), ['a', 'c'])).not.toThrow();
    const error = errorOf(() => assertMayJoin(member(3, 'a', 'b'), ['a', 'c', 'd']));
    expect(error).toMatchObject({ limit: 'rooms', max: 3, current: 2, asked: 3 });
    expect(() => assertMayJoin(member(Infinity, 'a'), names(2_000))).not.toThrow();
  });
});

describe('LimitExceededError', () => {
  const error = new LimitExceededError({ limit: 'rooms', max: 10, current: 8, asked: 5 });

  it('says the limit, what there was, what was asked for, and how to raise it', () => {
    expect(error.message).toMatch(/at most 10 rooms.* in 8.* 5 more.*limits: \{ rooms: 20 \}/);
    expect(error).toMatchObject({ name: 'LimitExceededError', code: 'LIMIT_EXCEEDED' });
  });

  it('tells clients nothing of the options', () => {
    expect(error.getError()).toBe(
      'A client may be in at most 10 rooms: this one is in 8, and 5 more were asked for.',
    );
  });

  it('is found by each of the classes that it belongs to, and by no other', () => {
    expect(error).toBeInstanceOf(LimitExceededError);
    expect(error).toBeInstanceOf(BackplaneError);
    expect(error).toBeInstanceOf(WsException);
    expect(error).not.toBeInstanceOf(BackplaneClosedError);
    expect(new BackplaneClosedError()).toBeInstanceOf(BackplaneError);
    expect(new BackplaneClosedError()).not.toBeInstanceOf(LimitExceededError);
    for (const other of [new Error('x'), {}, null, undefined, 'x'])
      expect(other instanceof BackplaneError).toBe(false);
  });
});
