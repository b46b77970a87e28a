import type { Frame } from './frame.js';
import type { Delivery, Member } from './member.js';
import type { Target } from './target.js';

/** One instance's share of one hub: who is connected here, in which rooms, as which user, and who is meant by a target. */
export class Hub<M extends Member = Member> {
  readonly name: string;
  readonly #members = new Map<string, M>();
  readonly #rooms = new Map<string, Set<M>>();
  readonly #users = new Map<string, Set<M>>();

  constructor(name: string) {
    this.name = name;
  }

  get size(): number {
    return this.#members.size;
  }

  get(id: string): M | undefined {
    return this.#members.get(id);
  }

  members(): IterableIterator<M> {
    return this.#members.values();
  }

  rooms(): IterableIterator<string> {
    return this.#rooms.keys();
  }

  hasRoom(room: string): boolean {
    return this.#rooms.has(room);
  }

  hasUser(userId: string): boolean {
    return this.#users.has(userId);
  }

  add(member: M): void {
    this.#members.set(member.id, member);
    if (member.userId !== undefined) include(this.#users, member.userId, member);
  }

  /** Takes the member out of the hub, its rooms and its user. Answers with the rooms that it was in. */
  remove(member: M): string[] {
    if (!this.#members.delete(member.id)) return [];
    if (member.userId !== undefined) exclude(this.#users, member.userId, member);
    const left = [...member.rooms];
    for (const room of left) exclude(this.#rooms, room, member);
    member.rooms.clear();
    return left;
  }

  /** False if the member is not in the hub (any more), or in the room already. */
  join(member: M, room: string): boolean {
    if (this.#members.get(member.id) !== member || member.rooms.has(room)) return false;
    member.rooms.add(room);
    include(this.#rooms, room, member);
    return true;
  }

  /** False if the member was not in the room. */
  leave(member: M, room: string): boolean {
    if (!member.rooms.delete(room)) return false;
    exclude(this.#rooms, room, member);
    return true;
  }

  /** Writes one frame to everyone here whom the target means, once each. Answers with how many that were. */
  deliver(target: Target, frame: Frame, delivery: Delivery): number {
    const { exceptRooms, exceptConnections } = target;
    if (exceptRooms.length === 0 && exceptConnections.length === 0) {
      const only = this.#onlyGroup(target);
      if (only) return writeAll(only.values(), frame, delivery);
    }
    let written = 0;
    for (const member of this.#included(target)) {
      if (exceptConnections.length > 0 && exceptConnections.includes(member.id)) continue;
      if (exceptRooms.length > 0 && exceptRooms.some((room) => member.rooms.has(room))) continue;
      member.write(frame, delivery);
      written++;
    }
    return written;
  }

  /** The members of a room, for a message that names nothing else. */
  deliverToRoom(room: string, frame: Frame, delivery: Delivery): number {
    const members = this.#rooms.get(room);
    return members ? writeAll(members.values(), frame, delivery) : 0;
  }

  deliverToUser(userId: string, frame: Frame, delivery: Delivery): number {
    const members = this.#users.get(userId);
    return members ? writeAll(members.values(), frame, delivery) : 0;
  }

  #onlyGroup(target: Target): Map<string, M> | Set<M> | undefined {
    if (target.everyone) return this.#members;
    const { rooms, users, connections } = target;
    if (rooms.length === 1 && users.length + connections.length === 0)
      return this.#rooms.get(rooms[0]!);
    if (users.length === 1 && rooms.length + connections.length === 0)
      return this.#users.get(users[0]!);
    return undefined;
  }

  #included(target: Target): Iterable<M> {
    if (target.everyone) return this.#members.values();
    const included = new Set<M>();
    for (const room of target.rooms)
      for (const member of this.#rooms.get(room) ?? []) included.add(member);
    for (const user of target.users)
      for (const member of this.#users.get(user) ?? []) included.add(member);
    for (const id of target.connections) {
      const member = this.#members.get(id);
      if (member) included.add(member);
    }
    return included;
  }
}

function writeAll<M extends Member>(
  members: Iterable<M>,
  frame: Frame,
  delivery: Delivery,
): number {
  let written = 0;
  for (const member of members) {
    member.write(frame, delivery);
    written++;
  }
  return written;
}

function include<M>(groups: Map<string, Set<M>>, name: string, member: M): void {
  const group = groups.get(name);
  if (group) group.add(member);
  else groups.set(name, new Set([member]));
}

function exclude<M>(groups: Map<string, Set<M>>, name: string, member: M): void {
  const group = groups.get(name);
  if (!group?.delete(member)) return;
  if (group.size === 0) groups.delete(name);
}
