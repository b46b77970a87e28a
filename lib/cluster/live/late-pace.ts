import type { Connection } from '../local/connection.js';
import type { Route } from '../local/route.js';
import type { LiveCursor } from './live-cursor.js';

const STEP_MS = 5;
const MAX_STEP_BYTES = 256 * 1024;

export interface LatePaceOptions {
  /** Members that read nothing for so long are waited for no longer. */
  readonly patienceMs: number;
  /** There may be space for more in this channel. */
  readonly onSpace: (cursor: LiveCursor) => void;
}

/** The state of the members of a channel in this step. */
interface Space {
  bytes: number;
  /** Since when there is none. */
  fullSince: number | undefined;
}

/**
 * Late messages come many at a time. They are written in steps, so that they make no client slow. A
 * step writes at most half of the bytes that a client may leave unread, and nothing to a channel
 * with a member that has that much unread.
 */
export class LatePace {
  readonly #options: LatePaceOptions;
  readonly #spaces = new Map<Route, Space>();
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
   * `onSpace` follows for one of them.
   */
  take(cursors: readonly LiveCursor[], bytes: number): boolean {
    this.#timer ??= setTimeout(this.#step, STEP_MS);
    const spaces = cursors.map(({ route }) => this.#spaceOf(route));
    const full = spaces.findIndex((space) => space.bytes <= 0);
    // In an empty step, a message goes that is larger than it.
    if (full >= 0 || this.#stepBytes >= Math.min(MAX_STEP_BYTES, this.#largestHeadroom)) {
      this.#waiting.add(cursors[Math.max(0, full)]!);
      return false;
    }
    for (const space of spaces) space.bytes -= bytes;
    this.#stepBytes += bytes;
    return true;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#spaces.clear();
    this.#waiting.clear();
  }

  readonly #step = (): void => {
    this.#timer = undefined;
    this.#stepBytes = 0;
    if (this.#waiting.size === 0) return this.#spaces.clear();
    for (const [route, space] of this.#spaces) this.#lookInto(route, space);
    // Those who get nothing in this step stand first in the next.
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const cursor of waiting) this.#options.onSpace(cursor);
    this.#timer ??= setTimeout(this.#step, STEP_MS);
  };

  #spaceOf(route: Route): Space {
    let space = this.#spaces.get(route);
    if (!space) {
      space = { bytes: this.#spaceIn(route), fullSince: undefined };
      this.#spaces.set(route, space);
    }
    return space;
  }

  #lookInto(route: Route, space: Space): void {
    const now = performance.now();
    space.bytes = this.#spaceIn(route);
    if (space.bytes > 0) {
      space.fullSince = undefined;
      return;
    }
    space.fullSince ??= now;
    if (now - space.fullSince < this.#options.patienceMs) return;
    for (const member of membersOf(route)) if (member.headroomBytes <= 0) this.#stuck.add(member);
    space.bytes = this.#spaceIn(route);
  }

  #spaceIn(route: Route): number {
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
