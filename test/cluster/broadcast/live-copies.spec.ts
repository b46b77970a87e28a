import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { deliverEnvelope } from '../../../lib/cluster/local/deliver.js';
import { Identity } from '../../../lib/cluster/membership/identity.js';
import { connectionId } from '../../../lib/cluster/wire/instance-id.js';
import { liveCopies } from '../../../lib/cluster/broadcast/live-copies.js';
import { RecentIds } from '../../../lib/cluster/common/recent-ids.js';
import type { Route } from '../../../lib/cluster/local/route.js';
import { ChannelNames } from '../../../lib/cluster/wire/channels.js';
import { decodeEnvelope, encodeControl, EnvelopeKind } from '../../../lib/cluster/wire/envelope.js';
import { encodeTarget } from '../../../lib/cluster/wire/target-codec.js';
import { Hub } from '../../../lib/hub/hub.js';
import { EVERYONE, type Target } from '../../../lib/hub/target.js';
import { FlushScheduler } from '../../../lib/hub/flush-scheduler.js';
import { FakeConnection } from '../fake-connection.js';

const HUB = '/';
const channels = new ChannelNames(['k']);
const to = (target: Partial<Target>): Target => ({ ...EVERYONE, everyone: false, ...target });
const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** An instance as far as live messages go: its members, and the channels that it hears. */
class Listener {
  readonly identity = new Identity();
  readonly hub = new Hub<FakeConnection>(HUB, { turn: new FlushScheduler(), coalesceMs: 0 });
  readonly members: FakeConnection[] = [];
  private readonly routes = new Map<string, Route>();
  private readonly recent = new RecentIds();

  constructor() {
    this.hear(channels.all(HUB), {});
    this.hear(channels.instance(HUB, this.identity.current), {});
  }

  add(userId: string | undefined, rooms: readonly string[]): FakeConnection {
    const id = connectionId(this.identity.current, this.members.length + 1);
    const member = new FakeConnection(id, userId);
    this.members.push(member);
    this.hub.add(member);
    if (userId !== undefined) this.hear(channels.user(HUB, userId), { user: userId });
    for (const room of rooms) {
      this.hub.join(member, room);
      this.hear(channels.room(HUB, room), { room });
    }
    return member;
  }

  receive(channel: string, bytes: Buffer): void {
    const route = this.routes.get(channel);
    const envelope = decodeEnvelope(bytes)!;
    if (!route || (envelope.mayRepeat && !this.recent.add(String(envelope.sequence)))) return;
    expect(deliverEnvelope(route, envelope)).toBeDefined();
  }

  private hear(channel: string, whom: Omit<Route, 'hub'>): void {
    this.routes.set(channel, { hub: this.hub, ...whom });
  }
}

/** Sends one message from an instance to the others. Answers with its bytes. */
function send(target: Target, from: Listener, others: readonly Listener[]): number {
  const { copies, overlap } = liveCopies(HUB, target, channels, from.identity);
  let bytes = 0;
  for (const copy of copies) {
    const envelope = encodeControl({
      kind: EnvelopeKind.broadcast,
      origin: from.identity.current,
      sequence: 1,
      payload: Buffer.from('x'),
      mayRepeat: overlap,
      ...(copy.target && { target: encodeTarget(copy.target) }),
    });
    bytes += copy.channel.length + envelope.length;
    for (const other of others) other.receive(copy.channel, envelope);
  }
  for (const other of others) other.hub.flush();
  return bytes;
}

const bytesOf = (target: Target): number => send(target, new Listener(), []);
const channelsOf = (target: Target): string[] =>
  liveCopies(HUB, target, channels, new Identity()).copies.map(({ channel }) => channel);

describe('the copies of a live message', () => {
  const subset = (from: readonly string[], maxLength = 4): fc.Arbitrary<readonly string[]> =>
    fc.oneof(
      { weight: 3, arbitrary: fc.uniqueArray(fc.constantFrom(...from), { maxLength }) },
      { weight: 1, arbitrary: fc.constant(from) },
    );
  const ROOMS = names('r', 20);
  const USERS = names('u', 20);

  it('bring one to each connection that is meant, and none to others, whatever is named', () => {
    const member = fc.record({
      user: fc.option(fc.constantFrom(...USERS), { nil: undefined }),
      rooms: subset(ROOMS),
      /** Whether the target names the connection, or leaves it out by name. */
      named: fc.boolean(),
      excepted: fc.boolean(),
    });
    const world = fc.array(fc.array(member, { maxLength: 4 }), { minLength: 2, maxLength: 20 });
    const flags = fc.record({
      everyone: fc.boolean(),
      byName: fc.boolean(),
      byException: fc.boolean(),
    });
    fc.assert(
      fc.property(
        world,
        flags,
        subset(ROOMS, 3),
        subset(USERS, 3),
        subset(ROOMS, 2),
        (instances, { everyone, byName, byException }, rooms, users, exceptRooms) => {
          const listeners = instances.map(() => new Listener());
          const connections: string[] = [];
          const exceptConnections: string[] = [];
          for (const [i, members] of instances.entries())
            for (const { user, rooms: joined, named, excepted } of members) {
              const { id } = listeners[i]!.add(user, joined);
              if (named && byName) connections.push(id);
              if (excepted && byException) exceptConnections.push(id);
            }
          const included = everyone ? {} : { rooms, users, connections };
          const target = { ...EVERYONE, everyone, exceptRooms, exceptConnections, ...included };
          const [from, ...others] = listeners;
          send(target, from!, others);
          for (const { hub, members } of others)
            for (const connection of members)
              expect(connection.written).toHaveLength(hub.matches(connection, target) ? 1 : 0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('go to the channels of a few names of one kind, and no further', () => {
    const [a, b] = [new Identity().current, new Identity().current];
    expect(channelsOf(to({ rooms: ['a', 'b'] }))).toEqual(['{k}:room:/:a', '{k}:room:/:b']);
    expect(channelsOf(to({ users: ['ann', 'bob'] }))).toEqual([
      channels.user(HUB, 'ann'),
      channels.user(HUB, 'bob'),
    ]);
    expect(channelsOf(to({ connections: [`${a}.1`, `${b}.1`, `${a}.2`, 'no id'] }))).toEqual([
      channels.instance(HUB, a),
      channels.instance(HUB, b),
    ]);
    expect(channelsOf(to({ rooms: names('r', 16) }))).toHaveLength(16);
  });

  it.each([
    ['rooms, more than 16', to({ rooms: names('r', 17) })],
    ['users, more than 16', to({ users: names('u', 17) })],
    ['a room and a user', to({ rooms: ['a'], users: ['ann'] })],
    [
      'a user and a connection',
      to({ users: ['ann'], connections: [`${new Identity().current}.1`] }),
    ],
    ['few users, and many exceptions', to({ users: ['a', 'b'], exceptRooms: names('x', 17) })],
    ['few rooms, and many exceptions', to({ rooms: ['a', 'b'], exceptRooms: names('x', 17) })],
  ])('are one, to all of the hub: %s', (_, target) => {
    expect(channelsOf(target)).toEqual([channels.all(HUB)]);
  });

  it('are none for connections of this instance, which make no mixture of a room either', () => {
    const identity = new Identity();
    const own = [connectionId(identity.current, 1)];
    const of = (target: Target): string[] =>
      liveCopies(HUB, target, channels, identity).copies.map(({ channel }) => channel);
    expect(of(to({ connections: own }))).toEqual([]);
    expect(of(to({ connections: own, rooms: ['a'] }))).toEqual([channels.room(HUB, 'a')]);
    expect(of(to({}))).toEqual([]);
  });

  it('name in the copy of a user no other, and in that of an instance none of another', () => {
    const owners = names('', 10).map(() => new Identity().current);
    const ids = owners.flatMap((owner) => names(`${owner}.`, 50));
    const few = liveCopies(
      HUB,
      to({ users: names('u', 16), exceptRooms: ['x'] }),
      channels,
      new Identity(),
    );
    for (const { target } of few.copies) expect(target!.users).toHaveLength(1);
    const far = liveCopies(HUB, to({ connections: ids }), channels, new Identity());
    expect(far.copies).toHaveLength(10);
    for (const { target } of far.copies) expect(target!.connections).toHaveLength(50);
  });

  it.each<[string, (count: number) => Target]>([
    ['rooms', (count) => to({ rooms: names('r', count) })],
    ['users', (count) => to({ users: names('u', count) })],
    [
      'connections',
      (count) => to({ connections: names('', count).map(() => `${new Identity().current}.1`) }),
    ],
    [
      'connections of few',
      (count) => to({ connections: names(`${new Identity().current}.`, count) }),
    ],
    [
      'users, and as many exceptions',
      (count) => to({ users: names('u', count), exceptRooms: names('x', count) }),
    ],
    [
      'all of it',
      (count) =>
        to({
          rooms: names('r', count),
          users: names('u', count),
          connections: names('c', count),
          exceptConnections: names('x', count),
        }),
    ],
  ])('have bytes that grow with the names, not with their square: %s', (_, target) => {
    expect(bytesOf(target(4_000))).toBeLessThan(2.2 * bytesOf(target(2_000)));
    expect(bytesOf(target(4_000))).toBeLessThan(4_000 * 200);
  });
});
