import type { FanOutOptions } from '../../hub/fan-out.js';
import type { Frame } from '../../hub/frame.js';
import { Hub } from '../../hub/hub.js';
import type { WriteFlags } from '../../hub/member.js';
import type { Target, GroupKind } from '../../hub/target.js';
import type { ChannelNames } from '../wire/channels.js';
import type { Connection } from './connection.js';
import type { Identity } from '../membership/identity.js';
import type { Subscription, Subscriptions } from '../link/subscriptions.js';
import { assertMayJoin } from '../common/room-limit.js';
import type { Route } from './route.js';

/** Notified of each channel that has members here and may have a history. */
export interface ChannelFollower {
  /**
   * Resolves when the channel's members get all that is sent from now on, or when there is no point
   * in waiting for that.
   * @param subscribed settles when the channel is confirmed, or as above
   */
  follow(
    kind: GroupKind,
    name: string,
    channel: string,
    route: Route,
    subscribed: Promise<void>,
  ): Promise<void>;
  unfollow(channel: string): void;
  /** The member did not read, and was paused in a history. */
  catchUp(member: Connection): void;
}

export interface LocalHubOptions {
  readonly identity: Identity;
  readonly channels: ChannelNames;
  readonly subscriptions: Subscriptions;
  /** Where the channels with a history stand. */
  readonly continuity: ChannelFollower;
  readonly fanOut: FanOutOptions;
  /** How old a live message may be when it comes. */
  readonly maxAgeMs: number;
  /** The hub hears its channels now. Resolves when the other instances can know it. */
  readonly onListening: () => Promise<void>;
}

/**
 * A room that has emptied stays subscribed for so long: rooms tend to fill again, on a reload for
 * one.
 */
const ROOM_LINGER_MS = 1_000;

/**
 * A hub that this instance serves: its members here, and the channels on which it hears of them.
 */
export class LocalHub<M extends Connection = Connection> {
  readonly name: string;
  /**
   * Settles when the hub hears broadcasts to everyone and to its connections, or when there is no
   * point in waiting for that.
   */
  readonly subscribed: Promise<void>;
  readonly #hub: Hub<M>;
  readonly #options: LocalHubOptions;
  /** How many connections, and upgrades to be, each user has here. */
  readonly #users = new Map<string, number>();
  #listening = false;

  constructor(name: string, options: LocalHubOptions) {
    const { identity } = options;
    this.name = name;
    this.#options = options;
    this.#hub = new Hub<M>(name, options.fanOut, options.maxAgeMs);
    this.subscribed = Promise.all([
      this.#listenFor('all', ''),
      this.listenAs(identity.current),
    ]).then(() => {
      this.#listening = true;
      return options.onListening();
    });
  }

  /** True once the hub hears its channels, or would if Redis were there. */
  get listening(): boolean {
    return this.#listening;
  }

  get size(): number {
    return this.#hub.size;
  }

  get(id: string): M | undefined {
    return this.#hub.get(id);
  }

  /** Everyone here whom the target means. */
  select(target: Target): M[] {
    return this.#hub.select(target);
  }

  members(): IterableIterator<M> {
    return this.#hub.members();
  }

  deliver(target: Target, frame: Frame, delivery: WriteFlags): number {
    return this.#hub.deliver(target, frame, delivery);
  }

  /**
   * Writes to the member what broadcasts it is due so far; to be called before anything else is
   * written to it.
   */
  flushMember(member: M): void {
    this.#hub.flushMember(member);
  }

  /** The member did not read, and was paused in a history: it catches up as it reads. */
  catchUp(member: M): void {
    this.#options.continuity.catchUp(member);
  }

  close(): void {
    this.#hub.close();
  }

  /** Hears messages to connections that are named after the instance's id. */
  listenAs(instanceId: string): Promise<void> {
    const { channels, subscriptions } = this.#options;
    const subscription = subscriptions.acquire(channels.instance(this.name, instanceId));
    subscription.route = this.#heardAs(subscription, { hub: this.#hub });
    return subscription.confirmed;
  }

  silenceAs(instanceId: string): void {
    this.#silence(this.#options.channels.instance(this.name, instanceId), 0);
  }

  /**
   * A user is about to connect. Resolves when messages to the user reach this instance (at once
   * while Redis is away). Each call is taken back by one {@link leaveUser}.
   */
  enterUser(userId: string): Promise<void> {
    this.#users.set(userId, (this.#users.get(userId) ?? 0) + 1);
    return this.#listenFor('user', userId);
  }

  leaveUser(userId: string): void {
    const left = (this.#users.get(userId) ?? 0) - 1;
    if (left > 0) {
      this.#users.set(userId, left);
      return;
    }
    this.#users.delete(userId);
    this.#silence(this.#options.channels.user(this.name, userId), 0);
  }

  add(member: M): void {
    this.#hub.add(member);
  }

  remove(member: M): void {
    for (const room of this.#hub.remove(member)) this.#leftRoom(room);
  }

  /**
   * In the rooms at once here; resolves when messages from the other instances arrive too (at once
   * while Redis is away). Nothing is awaited between the look at the limit and the entry: joins at
   * the same time cannot go beyond it together.
   * @param rooms each once
   * @throws (rejects) LimitExceededError, and the member is in none of them that it was not in
   * before
   */
  async join(member: M, rooms: readonly string[]): Promise<void> {
    assertMayJoin(member, rooms);
    // Rooms that are subscribed to together are confirmed together.
    const confirmations = new Set<Promise<void>>();
    for (const room of rooms) {
      // In neither: it is not in the hub any more, as it has disconnected.
      if (!this.#hub.join(member, room) && !member.rooms.has(room)) continue;
      confirmations.add(this.#listenFor('room', room));
    }
    await Promise.all(confirmations);
  }

  leave(member: M, rooms: readonly string[]): void {
    for (const room of rooms) {
      if (!this.#hub.leave(member, room)) continue;
      // It may come back: what was sent meanwhile is not for it.
      if (member.paused.size > 0)
        member.paused.delete(this.#options.channels.room(this.name, room));
      this.#leftRoom(room);
    }
  }

  #leftRoom(room: string): void {
    if (this.#hub.hasRoom(room)) return;
    this.#silence(this.#options.channels.room(this.name, room), ROOM_LINGER_MS);
  }

  /** Hears a channel that may have a history. */
  #listenFor(kind: GroupKind, name: string): Promise<void> {
    const { channels, continuity, subscriptions } = this.#options;
    const channel = channels.group(this.name, kind, name);
    const subscription = subscriptions.acquire(channel);
    // One that lingered was heard all the while: what was sent meanwhile is not missed.
    const route = (subscription.route ??=
      subscription.former ?? this.#heardAs(subscription, this.#routeTo(kind, name))) as Route;
    return continuity.follow(kind, name, channel, route, subscription.confirmed);
  }

  #heardAs({ confirmed }: Subscription, route: Route): Route {
    void confirmed.then(() => (route.heardSince = performance.now()));
    return route;
  }

  #routeTo(kind: GroupKind, name: string): Route {
    const hub = this.#hub;
    if (kind === 'room') return { hub, room: name };
    return kind === 'user' ? { hub, user: name } : { hub };
  }

  #silence(channel: string, lingerMs: number): void {
    this.#options.continuity.unfollow(channel);
    this.#options.subscriptions.release(channel, lingerMs);
  }
}
