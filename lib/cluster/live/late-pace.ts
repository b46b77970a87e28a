import type { Connection } from '../local/connection.js';
import type { Route } from '../local/route.js';
import type { LiveCursor } from './live-cursor.js';

const STEP_MS = 5;
const MAX_STEP_BYTES = 256 * 1024;

export interface LatePaceOptions {
  /** Members that read nothing for so long are waited for no longer. */
  readonly patienceMs: number;
  /** There may be room for more in this channel. */
  readonly onRoom: (cursor: LiveCursor) => void;
}

/** The state of the members of a channel in this step. */
interface Room {
  bytes: number;
  /** Since when there is none. */
  fullSince: number | undefined;
}

/**
 * Late messages come many at a time. They are written in steps, so that they make no client slow
 * that was not: each step at most half of what a client may leave unread, and none to a channel
 * with a member that has as much unread.
 */
export class LatePace {
  readonly #options: LatePaceOptions;
  readonly #rooms = new Map<Route, Room>();
  readonly #waiting = new Set<LiveCursor>();
  /** Members that did not read while they were waited for. */
  readonly #stuck = new WeakSet<Connection>();
  #stepBytes = 0;
  /** The free part of the half, for a client that has read all. */
  #largestHeadroom = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LatePaceOptions) {
    this.#options = options;
  }

  /**
   * Whether a late message of that size may be written to the members of the channels now. If not,
   * `onRoom` follows for one of them.
   */
  take(cursors: readonly LiveCursor[], bytes: number): boolean {
    this.#timer ??= setTimeout(this.#step, STEP_MS);
    const rooms = cursors.map(({ route }) => this.#room(route));
    const full = rooms.findIndex((room) => room.bytes <= 0);
    // In an empty step, a message goes that is larger than it.
    if (full >= 0 || this.#stepBytes >= Math.min(MAX_STEP_BYTES, this.#largestHeadroom)) {
      this.#waiting.add(cursors[Math.max(0, full)]!);
      return false;
    }
    for (const room of rooms) room.bytes -= bytes;
    this.#stepBytes += bytes;
    return true;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#rooms.clear();
    this.#waiting.clear();
  }

  readonly #step = (): void => {
    this.#timer = undefined;
    this.#stepBytes = 0;
    if (this.#waiting.size === 0) return this.#rooms.clear();
    for (const [route, room] of this.#rooms) this.#lookInto(route, room);
    // Those who get nothing in this step stand first in the next.
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const cursor of waiting) this.#options.onRoom(cursor);
    this.#timer ??= setTimeout(this.#step, STEP_MS);
  };

  #room(route: Route): Room {
    let room = this.#rooms.get(route);
    if (!room) {
      room = { bytes: this.#roomIn(route), fullSince: undefined };
      this.#rooms.set(route, room);
    }
    return room;
  }

  #lookInto(route: Route, room: Room): void {
    const now = performance.now();
    room.bytes = this.#roomIn(route);
    if (room.bytes > 0) {
      room.fullSince = undefined;
      return;
    }
    room.fullSince ??= now;
    if (now - room.fullSince < this.#options.patienceMs) return;
    for (const member of membersOf(route)) if (member.headroomBytes <= 0) this.#stuck.add(member);
    room.bytes = this.#roomIn(route);
  }

  #roomIn(route: Route): number {
    let least = Infinity;
    for (const member of membersOf(route)) {
      const { headroomBytes } = member;
      if (headroomBytes > 0) this.#stuck.delete(member);
      else if (this.#stuck.has(member)) continue;
      if (headroomBytes < least) least = headroomBytes;
      if (headroomBytes > this.#largestHeadroom) this.#largestHeadroom = headroomBytes;
    }
    if (least === Infinity) this.#largestHeadroom = MAX_STEP_BYTES;
    return least;
  }
}

function membersOf({ hub, room, user }: Route): ReadonlySet<Connection> {
  return hub.group(room, user);
}
