import type { Target } from '../../hub/target.js';
import type { Identity } from '../membership/identity.js';
import { instanceOf } from '../wire/instance-id.js';
import type { ChannelNames } from '../wire/channels.js';

/** One envelope of a live message. */
export interface LiveCopy {
  readonly channel: string;
  /** Undefined: whom the channel stands for. */
  readonly target: Target | undefined;
}

export interface LiveCopies {
  readonly copies: readonly LiveCopy[];
  /** One instance may hear several of them that mean the same connection: they need one id. */
  readonly overlap: boolean;
}

/**
 * A message that needs more copies than this, or whose copies would each list more names, is one
 * copy.
 */
const MAX_COPIES = 16;
const MAX_REPEATED_NAMES = 16;

const NONE: LiveCopies = { copies: [], overlap: false };

/**
 * The envelopes by which a live message reaches the other instances that may have somebody of its
 * target.
 *
 * The bytes grow with the names, never with their square. A few names of one kind go to their own
 * channels, so that only instances which have members hear them. Rooms may share members: each copy
 * lists all rooms, and all copies have one id. Users and connections never overlap, so each copy
 * names its own only. Many names, or names of several kinds, go as one copy with the whole target
 * on the channel `all` of the hub, which every instance that serves the hub hears.
 */
export function liveCopies(
  hub: string,
  given: Target,
  channels: ChannelNames,
  identity: Identity,
): LiveCopies {
  const target = withoutOwnConnections(given, identity);
  const { everyone, rooms, users, connections } = target;
  if (everyone) return one(channels.all(hub), target);
  const kinds =
    Number(rooms.length > 0) + Number(users.length > 0) + Number(connections.length > 0);
  if (kinds === 0) return NONE;
  const excepts = exceptionsOf(target);
  if (kinds === 1) {
    if (rooms.length === 1)
      return one(channels.room(hub, rooms[0]!), excepts > 0 ? target : undefined);
    if (users.length === 1)
      return one(channels.user(hub, users[0]!), excepts > 0 ? target : undefined);
    if (connections.length > 0) return toConnections(hub, target, channels, excepts);
    const count = rooms.length + users.length;
    if (count <= MAX_COPIES && excepts <= MAX_REPEATED_NAMES) {
      return rooms.length > 0
        ? {
            copies: rooms.map((room) => ({ channel: channels.room(hub, room), target })),
            overlap: true,
          }
        : {
            copies: users.map((user) => toUser(hub, user, target, channels, excepts)),
            overlap: false,
          };
    }
  }
  return one(channels.all(hub), target);
}

function one(channel: string, target: Target | undefined): LiveCopies {
  return { copies: [{ channel, target }], overlap: false };
}

function toUser(
  hub: string,
  user: string,
  target: Target,
  channels: ChannelNames,
  excepts: number,
): LiveCopy {
  const own = excepts > 0 ? { ...target, users: [user] } : undefined;
  return { channel: channels.user(hub, user), target: own };
}

/**
 * A copy for each instance that gave out ids among them. A name that is no id belongs to no
 * instance.
 */
function toConnections(
  hub: string,
  target: Target,
  channels: ChannelNames,
  excepts: number,
): LiveCopies {
  const byOwner = new Map<string, string[]>();
  for (const id of target.connections) {
    const owner = instanceOf(id);
    if (owner === undefined) continue;
    const ids = byOwner.get(owner);
    if (ids) ids.push(id);
    else byOwner.set(owner, [id]);
  }
  const isFew = byOwner.size <= MAX_COPIES && excepts <= MAX_REPEATED_NAMES;
  if (byOwner.size > 1 && !isFew) return one(channels.all(hub), target);
  const copies = [...byOwner].map(([owner, connections]) => ({
    channel: channels.instance(hub, owner),
    target: { ...target, connections },
  }));
  return { copies, overlap: false };
}

/** The others have none of the connections of this instance. */
function withoutOwnConnections(target: Target, identity: Identity): Target {
  const { connections, exceptConnections } = target;
  if (connections.length + exceptConnections.length === 0) return target;
  const isFar = (id: string): boolean => !identity.isOwn(instanceOf(id));
  return {
    ...target,
    connections: connections.filter(isFar),
    exceptConnections: exceptConnections.filter(isFar),
  };
}

function exceptionsOf({ exceptRooms, exceptUsers, exceptConnections }: Target): number {
  return exceptRooms.length + exceptUsers.length + exceptConnections.length;
}
