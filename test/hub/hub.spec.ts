import { beforeEach, describe, expect, it } from '@jest/globals';
import { Frame } from '../../lib/hub/frame.js';
import { Hub } from '../../lib/hub/hub.js';
import { EVERYONE, extend, type Target } from '../../lib/hub/target.js';
import { FlushScheduler } from '../../lib/hub/flush-scheduler.js';
import { FakeMember } from './fake-member.js';

const FRAME = Frame.text('x');
const DELIVERY = { volatile: true, compress: false };

const to = (parts: Partial<Target>): Target => ({ ...EVERYONE, everyone: false, ...parts });
const all = (parts: Partial<Target>): Target => ({ ...EVERYONE, ...parts });

describe('a hub', () => {
  let hub: Hub<FakeMember>;
  let ann: FakeMember;
  let ann2: FakeMember;
  let bob: FakeMember;
  let nobody: FakeMember;

  beforeEach(() => {
    hub = new Hub('/chat', { turn: new FlushScheduler(), coalesceMs: 0 });
    ann = new FakeMember('a1', 'ann');
    ann2 = new FakeMember('a2', 'ann');
    bob = new FakeMember('b', 'bob');
    nobody = new FakeMember('n');
    for (const member of [ann, ann2, bob, nobody]) hub.add(member);
    for (const member of [ann, bob]) hub.join(member, 'red');
    for (const member of [bob, nobody]) hub.join(member, 'blue');
  });

  const reached = (target: Target): string => {
    const written = hub.deliver(target, FRAME, DELIVERY);
    hub.flush();
    const members = [ann, ann2, bob, nobody];
    const ids = members.flatMap((member) => member.written.splice(0).map(() => member.id));
    expect(ids).toHaveLength(written);
    return ids.join();
  };

  it.each<[string, Target, string]>([
    ['everyone', EVERYONE, 'a1,a2,b,n'],
    ['nobody', to({}), ''],
    ['a room', to({ rooms: ['red'] }), 'a1,b'],
    ['rooms, one copy each', to({ rooms: ['red', 'blue'] }), 'a1,b,n'],
    ['a room twice', to({ rooms: ['red', 'red'] }), 'a1,b'],
    ['no such room', to({ rooms: ['green', 'ann', 'a1', '__proto__', 'constructor'] }), ''],
    ['a user', to({ users: ['ann'] }), 'a1,a2'],
    ['users', to({ users: ['ann', 'bob'] }), 'a1,a2,b'],
    ['no such user', to({ users: ['red', 'a1'] }), ''],
    ['a connection', to({ connections: ['a2'] }), 'a2'],
    ['connections', to({ connections: ['a2', 'n', 'a2', 'gone'] }), 'a2,n'],
    [
      'all kinds at once, one copy each',
      to({ rooms: ['red'], users: ['bob', 'ann'], connections: ['b', 'n'] }),
      'a1,a2,b,n',
    ],
    ['everyone but a room', all({ exceptRooms: ['red'] }), 'a2,n'],
    ['everyone but rooms', all({ exceptRooms: ['green', 'blue'] }), 'a1,a2'],
    ['everyone but connections', all({ exceptConnections: ['n', 'b', 'gone'] }), 'a1,a2'],
    ['a room but another', to({ rooms: ['red'], exceptRooms: ['blue'] }), 'a1'],
    ['a room but itself', to({ rooms: ['red'], exceptRooms: ['red'] }), ''],
    ['everyone but a user', all({ exceptUsers: ['ann'] }), 'b,n'],
    ['a user but a connection', to({ users: ['ann'], exceptConnections: ['a1'] }), 'a2'],
    [
      'a connection but itself',
      to({ connections: ['n'], exceptConnections: ['n'], exceptRooms: ['red'] }),
      '',
    ],
  ])('reaches %s', (_, target, expected) => {
    expect(reached(target)).toBe(expected);
  });

  it('hands the frame and the way to write it on as they are', () => {
    hub.deliver(EVERYONE, FRAME, DELIVERY);
    hub.flush();
    expect(ann.written).toEqual([{ frame: FRAME, delivery: DELIVERY }]);
    expect(ann.written[0]!.frame).toBe(FRAME);
  });

  it('reaches a room or a user that a channel stands for', () => {
    expect(hub.deliverToRoom('red', FRAME, DELIVERY)).toBe(2);
    expect(hub.deliverToRoom('ann', FRAME, DELIVERY)).toBe(0);
    expect(hub.deliverToUser('ann', FRAME, DELIVERY)).toBe(2);
    expect(hub.deliverToUser('red', FRAME, DELIVERY)).toBe(0);
    hub.flush();
    expect([ann, ann2, bob, nobody].map(({ written }) => written.length)).toEqual([2, 1, 1, 0]);
  });

  it('knows when a room begins and ends', () => {
    expect(hub.join(ann, 'red')).toBe(false);
    expect(hub.leave(ann, 'red')).toBe(true);
    expect(hub.leave(ann, 'red')).toBe(false);
    expect(hub.hasRoom('red')).toBe(true);
    expect(hub.leave(bob, 'red')).toBe(true);
    expect(hub.hasRoom('red')).toBe(false);
    expect([...hub.rooms()]).toEqual(['blue']);
    expect(reached(to({ rooms: ['red'] }))).toBe('');
    expect(hub.join(ann, 'red')).toBe(true);
    expect(reached(to({ rooms: ['red'] }))).toBe('a1');
  });

  it('forgets a member that is removed, with its rooms and its user', () => {
    expect(hub.remove(bob).sort()).toEqual(['blue', 'red']);
    expect(bob.rooms.size).toBe(0);
    expect(hub.get('b')).toBeUndefined();
    expect(hub.size).toBe(3);
    expect([...hub.members()]).toEqual([ann, ann2, nobody]);
    expect(reached(EVERYONE)).toBe('a1,a2,n');
    expect(reached(to({ rooms: ['red'], users: ['bob'], connections: ['b'] }))).toBe('a1');
    expect(hub.remove(bob)).toEqual([]);
    hub.remove(ann);
    expect(reached(to({ users: ['ann'] }))).toBe('a2');
    expect([...hub.rooms()]).toEqual(['blue']);
  });

  it('lets nobody join who is not in it', () => {
    hub.remove(bob);
    expect(hub.join(bob, 'late')).toBe(false);
    expect(bob.rooms.has('late')).toBe(false);
    expect(hub.hasRoom('late')).toBe(false);
    const double = new FakeMember('a1', 'ann');
    expect(hub.join(double, 'red')).toBe(false);
    expect(hub.leave(double, 'red')).toBe(false);
  });

  it('goes on when a member leaves while it is being written to', () => {
    ann.write = () => void hub.remove(bob);
    hub.deliver(EVERYONE, FRAME, DELIVERY);
    hub.flush();
    expect([ann2, bob, nobody].map(({ writes }) => writes)).toEqual([1, 0, 1]);
    expect(hub.size).toBe(3);
  });

  it('agrees with a plain search, for any targets', () => {
    const names = ['red', 'blue', 'ann', 'bob', 'a1', 'b', 'n'];
    const members = [ann, ann2, bob, nobody];
    for (let seed = 0; seed < 500; seed++) {
      const pick = (salt: number) => names.filter((_, i) => ((seed * (salt + 7)) >> i) % 3 === 1);
      let target = EVERYONE;
      if (seed % 5 > 0) {
        target = extend(target, 'rooms', pick(1));
        target = extend(target, 'users', pick(2));
        target = extend(target, 'connections', pick(3));
      }
      if (seed % 2 > 0) {
        target = extend(target, 'exceptRooms', pick(4));
        target = extend(target, 'exceptConnections', pick(5));
        target = extend(target, 'exceptUsers', pick(6).slice(0, 1));
      }
      const { everyone, rooms, users, connections } = target;
      const { exceptRooms, exceptUsers, exceptConnections } = target;
      const expected = members.filter(
        (member) =>
          (everyone ||
            rooms.some((room) => member.rooms.has(room)) ||
            users.includes(member.userId!) ||
            connections.includes(member.id)) &&
          !exceptRooms.some((room) => member.rooms.has(room)) &&
          !exceptUsers.includes(member.userId!) &&
          !exceptConnections.includes(member.id),
      );
      expect(reached(target)).toBe(expected.map(({ id }) => id).join());
    }
  });
});
