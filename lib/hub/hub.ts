import { FanOut, type FanOutOptions } from './fan-out.js';
import type { Frame } from './frame.js';
import type { WriteFlags, Member } from './member.js';
import { RecentMoves } from './recent-moves.js';
import type { Target } from './target.js';

/** Groups by name; one that empties is gone. */
type Groups<M> = Map<string, Set<M>>;

const NOBODY: ReadonlySet<never> = new Set<never>();

/**
 * One instance's share of one hub: who is connected here, in which rooms, as which user, and who is
 * meant by a target.
 */
export class Hub<M extends Member = Member> {
  readonly name: string;
  readonly #fanOut: FanOut<M>;
  readonly #byId = new Map<string, M>();
  readonly #everyone = new Set<M>();
  readonly #rooms: Groups<M> = new Map();
  readonly #users: Groups<M> = new Map();
  readonly #moves: RecentMoves<M>;

  /** @param keepMovesMs how old a message may be that is given to {@link deliverAsOf} */
  constructor(name: string, options: FanOutOptions, keepMovesMs = 0) {
    this.name = name;
    this.#fanOut = new FanOut(options);
    this.#moves = new RecentMoves(keepMovesMs);
  }

  get size(): number {
    return this.#everyone.size;
  }

  members(): IterableIterator<M> {
    return this.#everyone.values();
  }

  get(id: string): M | undefined {
    return this.#byId.get(id);
  }

  rooms(): IterableIterator<string> {
    return this.#rooms.keys();
  }

  hasRoom(room: string): boolean {
    return this.#rooms.has(room);
  }

  add(member: M): void {
    this.flushMember(member);
    this.#byId.set(member.id, member);
    this.#everyone.add(member);
    if (member.userId !== undefined) include(this.#users, member.userId, member);
    this.#moves.joined(member);
  }

  /**
   * Takes a member that is gone out of the hub, its rooms and its user. Answers with the rooms that
   * it was in.
   */
  remove(member: M): string[] {
    if (!this.#everyone.delete(member)) return [];
    this.#byId.delete(member.id);
    if (member.userId !== undefined) exclude(this.#users, member.userId, member);
    const left = [...member.rooms];
    for (const room of left) exclude(this.#rooms, room, member);
    roomsOf(member).clear();
    return left;
  }

  /** False if the member is not in the hub (any more), or in the room already. */
  join(member: M, room: string): boolean {
    if (!this.#everyone.has(member) || member.rooms.has(room)) return false;
    this.flushMember(member);
    roomsOf(member).add(room);
    include(this.#rooms, room, member);
    this.#moves.joined(member, room);
    return true;
  }

  /** False if the member was not in the room. */
  leave(member: M, room: string): boolean {
    if (!member.rooms.has(room)) return false;
    this.flushMember(member);
    roomsOf(member).delete(room);
    exclude(this.#rooms, room, member);
    this.#moves.left(member, room);
    return true;
  }

  /**
   * Writes one frame to everyone here whom the target means, once each. Answers with how many that
   * are.
   */
  deliver(target: Target, frame: Frame, delivery: WriteFlags): number {
    const byGroup = target.exceptRooms.length + target.exceptUsers.length > 0;
    const group = byGroup ? undefined : this.#groupOf(target);
    const { exceptConnections } = target;
    if (!group || exceptConnections.length > 1)
      return this.#send(this.#membersOf(target), undefined, frame, delivery);
    const skip = exceptConnections.length === 1 ? this.#byId.get(exceptConnections[0]!) : undefined;
    return this.#send(group, skip && group.has(skip) ? skip : undefined, frame, delivery);
  }

  /**
   * As {@link deliver}, for a message that was sent so long ago: to those whom it means now and
   * meant then. Exceptions are those of then.
   */
  deliverAsOf(ageMs: number, target: Target, frame: Frame, delivery: WriteFlags): number {
    const then = performance.now() - ageMs;
    const { rooms, exceptRooms, everyone, users, connections } = target;
    const isForRoomsOnly = !everyone && users.length + connections.length === 0;
    const moved = [...(isForRoomsOnly ? [] : [undefined]), ...rooms, ...exceptRooms];
    if (!this.#moves.hasMoved(moved, then)) return this.deliver(target, frame, delivery);
    return this.#send(this.#membersAsOf(target, then), undefined, frame, delivery);
  }

  /** The members of a room; the connections of a user; without either, all. */
  group(room: string | undefined, user: string | undefined): ReadonlySet<M> {
    if (room !== undefined) return this.#rooms.get(room) ?? NOBODY;
    return user === undefined ? this.#everyone : (this.#users.get(user) ?? NOBODY);
  }

  /** Everyone here whom the target means, once each. */
  select(target: Target): M[] {
    return [...this.#membersOf(target)];
  }

  /** Whether the target means the member. */
  matches(member: M, target: Target): boolean {
    const { everyone, rooms, users, connections } = target;
    const { exceptRooms, exceptUsers, exceptConnections } = target;
    const isIn = (room: string): boolean => member.rooms.has(room);
    const isUser = (user: string): boolean => user === member.userId;
    return (
      (everyone || rooms.some(isIn) || users.some(isUser) || connections.includes(member.id)) &&
      !exceptRooms.some(isIn) &&
      !exceptUsers.some(isUser) &&
      !exceptConnections.includes(member.id)
    );
  }

  /** The members of a room, for a message that names nothing else. */
  deliverToRoom(room: string, frame: Frame, delivery: WriteFlags): number {
    return this.#send(this.#rooms.get(room), undefined, frame, delivery);
  }

  deliverToUser(userId: string, frame: Frame, delivery: WriteFlags): number {
    return this.#send(this.#users.get(userId), undefined, frame, delivery);
  }

  /**
   * Writes to the member what broadcasts it is due so far. Before anything else is written to it,
   * its order wants this.
   */
  flushMember(member: M): void {
    this.#fanOut.flushMember(member);
  }

  /** Writes all that is due, now. */
  flush(): void {
    this.#fanOut.flush();
  }

  close(): void {
    this.#fanOut.close();
    this.#moves.clear();
  }

  #send(
    members: ReadonlySet<M> | undefined,
    skip: M | undefined,
    frame: Frame,
    delivery: WriteFlags,
  ): number {
    if (!members) return 0;
    this.#fanOut.send(members, skip, frame, delivery);
    return members.size - (skip ? 1 : 0);
  }

  /** The one group that the target names, if it names just one. */
  #groupOf(target: Target): ReadonlySet<M> | undefined {
    if (target.everyone) return this.#everyone;
    const { rooms, users, connections } = target;
    if (rooms.length === 1 && users.length + connections.length === 0)
      return this.#rooms.get(rooms[0]!);
    if (users.length === 1 && rooms.length + connections.length === 0)
      return this.#users.get(users[0]!);
    return undefined;
  }

  #membersOf(target: Target): Set<M> {
    const members = new Set<M>(target.everyone ? this.#everyone : []);
    for (const room of target.rooms)
      for (const member of this.#rooms.get(room) ?? []) members.add(member);
    for (const user of target.users)
      for (const member of this.#users.get(user) ?? []) members.add(member);
    for (const id of target.connections) addIfPresent(members, this.#byId.get(id));
    for (const room of target.exceptRooms)
      for (const member of this.#rooms.get(room) ?? []) members.delete(member);
    for (const user of target.exceptUsers)
      for (const member of this.#users.get(user) ?? []) members.delete(member);
    for (const id of target.exceptConnections) {
      const member = this.#byId.get(id);
      if (member) members.delete(member);
    }
    return members;
  }

  #membersAsOf(target: Target, then: number): Set<M> {
    const moves = this.#moves;
    const { rooms, exceptRooms } = target;
    const isMeantAsOne = (member: M): boolean =>
      !moves.hasJoined(member, undefined, then) &&
      this.matches(member, { ...target, rooms: [], exceptRooms: [] });
    const wasInOneOf = (member: M): boolean =>
      rooms.some(
        (room) => has(this.#rooms.get(room), member) && !moves.hasJoined(member, room, then),
      );
    const wasExcepted = (member: M): boolean =>
      exceptRooms.some((room) =>
        moves.wasIn(member, room, then, has(this.#rooms.get(room), member)),
      );
    const members = this.#membersOf({ ...target, exceptRooms: [] });
    for (const member of members)
      if (wasExcepted(member) || !(isMeantAsOne(member) || wasInOneOf(member)))
        members.delete(member);
    return members;
  }
}

function has<M>(group: ReadonlySet<M> | undefined, member: M): boolean {
  return group?.has(member) ?? false;
}

function roomsOf(member: Member): Set<string> {
  return member.rooms as Set<string>;
}

function addIfPresent<M>(members: Set<M>, member: M | undefined): void {
  if (member) members.add(member);
}

function include<M>(groups: Groups<M>, name: string, member: M): void {
  let group = groups.get(name);
  if (!group) groups.set(name, (group = new Set()));
  group.add(member);
}

function exclude<M>(groups: Groups<M>, name: string, member: M): void {
  const group = groups.get(name);
  if (!group?.delete(member)) return;
  if (group.size === 0) groups.delete(name);
}
