import type { Counters } from '../common/counters.js';
import { deliverEnvelope, deliverLate } from '../local/deliver.js';
import type { Route } from '../local/route.js';
import type { LocalHubs } from '../local/local-hubs.js';
import type { ChannelNames } from '../wire/channels.js';
import type { Envelope } from '../wire/envelope.js';
import type { LivePosition } from '../wire/live-position.js';
import { decodeTarget } from '../wire/target-codec.js';
import { LatePace } from './late-pace.js';
import { type CursorPosition, type HeldMessage, LiveCursor, type Standing } from './live-cursor.js';
import { RecentMessages } from './recent-messages.js';

/** Of all senders together. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;
const HELD_OVERHEAD_BYTES = 256;
/** A delay of so little is none: nobody has joined or left by it. */
const AT_ONCE_MS = 1;

/** A channel that is heard here, and the position of a message there. */
interface HeardPosition {
  readonly cursor: LiveCursor;
  readonly position: LivePosition;
}

export interface LiveReceiverOptions {
  readonly counters: Counters;
  readonly hubs: Pick<LocalHubs, 'heardRoute'>;
  readonly channels: Pick<ChannelNames, 'room'>;
  /**
   * Since when this instance has heard all that was sent to it, as `performance.now()`; Infinity
   * while it may miss something.
   */
  readonly heardAllSince: () => number;
  /** 0: nothing is held, and nothing missed. */
  readonly windowMs: number;
  /** For so long a sender can send a message again. */
  readonly reachMs: number;
  /** Something is held or missing: where it is missing, its sender has to be asked. */
  readonly onHole: (cursor: LiveCursor) => void;
  /** Nothing is held or missing. */
  readonly onWhole: (cursor: LiveCursor) => void;
  /** The missing messages of the channel will not come. */
  readonly onLost: (cursor: LiveCursor, count: number) => void;
}

/**
 * Delivers the live messages of other instances, those of one sender to one channel in the order in
 * which they were sent, each once. Holds what does not follow.
 */
export class LiveReceiver {
  readonly #options: LiveReceiverOptions;
  /** Messages that come on several channels. */
  readonly #seen: RecentMessages;
  readonly #pace: LatePace;
  /** The channels in which something is held, those that wait for the longest first. */
  readonly #holding = new Set<LiveCursor>();
  #heldBytes = 0;

  constructor(options: LiveReceiverOptions) {
    this.#options = options;
    this.#seen = new RecentMessages(options.reachMs);
    const onSpace = (cursor: LiveCursor): void => this.#drain(cursor);
    this.#pace = new LatePace({ patienceMs: options.windowMs, onSpace });
  }

  /** How many messages are held; one that came on several channels counts for each. */
  get held(): number {
    let count = 0;
    for (const { heldCount } of this.#holding) count += heldCount;
    return count;
  }

  cursorOf(life: string, channel: string, route: Route): LiveCursor {
    const cursors = cursorsOf(route);
    let cursor = cursors.get(life);
    if (!cursor) {
      this.#forgetIdle(cursors);
      cursors.set(life, (cursor = new LiveCursor(life, channel, route)));
    }
    return cursor;
  }

  /** False if the target is not intelligible. */
  receive(envelope: Envelope, channel: string, route: Route): boolean {
    const { origin, live } = envelope;
    const { positions, ageMs, isListed } = live!;
    if (positions.length === 0) return false;
    const now = performance.now();
    if (positions.length > 1 || !isListed) return this.#receiveInAll(envelope, channel, route, now);
    const cursor = this.cursorOf(origin, channel, route);
    const position = positions[0]!;
    const standing = this.#standing(cursor, position, ageMs, now);
    return this.#take(envelope, route, now, [{ cursor, number: position.number }], standing);
  }

  /** The sender has taken a message back. */
  skip(cursor: LiveCursor, number: number): void {
    if (number <= cursor.number || cursor.held(number)) return;
    const positions = [{ cursor, number }];
    const { route } = cursor;
    this.#hold({ envelope: undefined, route, arrivedAt: performance.now(), bytes: 0, positions });
    this.#drain(cursor);
  }

  /**
   * The missing messages up to the number will not come. Where there is no member, nobody has lost
   * them.
   */
  giveUp(cursor: LiveCursor, upTo: number): void {
    const lost = skipGaps(cursor, upTo);
    const isSomebodys = this.#isHeard(cursor) && hasMembers(cursor.route);
    if (lost > 0 && isSomebodys) this.#options.onLost(cursor, lost);
    this.#drain(cursor);
  }

  /** The missing messages up to the number were not for this instance. */
  pass(cursor: LiveCursor, upTo: number): void {
    skipGaps(cursor, upTo);
    this.#drain(cursor);
  }

  /** Takes notice of messages that exist, as their sender says. */
  reaches(cursor: LiveCursor, start: number, number: number): void {
    if (start > cursor.start) this.#endNumbering(cursor);
    cursor.reaches(start, number, performance.now());
    if (cursor.isMissing) this.#options.onHole(cursor);
  }

  /** The channel is not heard any more: what waits in others for it goes on. */
  dropEnded(): void {
    for (const cursor of this.#holding) {
      if (this.#isHeard(cursor)) continue;
      this.pass(cursor, cursor.top);
    }
  }

  close(): void {
    this.#pace.close();
    this.#holding.clear();
  }

  #standing(cursor: LiveCursor, position: LivePosition, ageMs: number, now: number): Standing {
    if (position.start > cursor.start) this.#endNumbering(cursor);
    return cursor.standing(position, ageMs, now, this.#options.heardAllSince());
  }

  /** The sender has nothing of the numbering any more. */
  #endNumbering(cursor: LiveCursor): void {
    if (cursor.isWhole) return;
    this.giveUp(cursor, cursor.top);
    this.#drain(cursor, true);
  }

  #receiveInAll(envelope: Envelope, channel: string, route: Route, now: number): boolean {
    const heard = this.#heardPositions(envelope, channel, route);
    if (!heard) return false;
    return envelope.live!.isListed
      ? this.#receiveOnSeveral(envelope, route, now, heard)
      : this.#receiveUnlisted(envelope, route, now, heard);
  }

  /**
   * The positions of a message in those of its channels that are heard here. Undefined if its
   * target is not intelligible.
   */
  #heardPositions(
    { origin, live, target }: Envelope,
    channel: string,
    route: Route,
  ): HeardPosition[] | undefined {
    const { positions } = live!;
    if (positions.length === 1)
      return [{ cursor: this.cursorOf(origin, channel, route), position: positions[0]! }];
    const rooms = decodeTarget(target)?.rooms;
    if (rooms?.length !== positions.length) return undefined;
    const heard: HeardPosition[] = [];
    for (const [i, room] of rooms.entries()) {
      const name = this.#options.channels.room(route.hub.name, room);
      const other = this.#options.hubs.heardRoute(name);
      if (other)
        heard.push({ cursor: this.cursorOf(origin, name, other), position: positions[i]! });
    }
    return heard;
  }

  /** It is not held: where what was sent before it has not come, it is dropped. */
  #receiveUnlisted(
    envelope: Envelope,
    route: Route,
    now: number,
    heard: readonly HeardPosition[],
  ): boolean {
    const { counters, onHole } = this.#options;
    const { origin, sequence, live } = envelope;
    if (live!.positions.length > 1 && !this.#seen.add(origin, sequence, now)) {
      counters.repeated++;
      return true;
    }
    let isDue = true;
    for (const { cursor, position } of heard) {
      if (position.start > cursor.start) this.#endNumbering(cursor);
      const isAt = cursor.isAt(position, live!.ageMs, now, this.#options.heardAllSince());
      if (isAt || this.#options.windowMs === 0) continue;
      isDue = false;
      onHole(cursor);
    }
    if (isDue) return this.#deliver(envelope, route, live!.ageMs);
    counters.dropped++;
    return true;
  }

  /** It is delivered when it follows in all channels that are heard here. */
  #receiveOnSeveral(
    envelope: Envelope,
    route: Route,
    now: number,
    heard: readonly HeardPosition[],
  ): boolean {
    const { origin, live, sequence } = envelope;
    const due: CursorPosition[] = [];
    let worst: Standing = 'next';
    for (const { cursor, position } of heard) {
      const standing = this.#standing(cursor, position, live!.ageMs, now);
      if (standing === 'ahead') worst = 'ahead';
      if (standing !== 'double') due.push({ cursor, number: position.number });
    }
    if (due.length === 0) {
      this.#options.counters.repeated++;
      return true;
    }
    if (!this.#seen.add(origin, sequence, now)) {
      // It was delivered before this channel was heard.
      for (const { cursor, number } of due) this.skip(cursor, number);
      return true;
    }
    return this.#take(envelope, route, now, due, worst);
  }

  #take(
    envelope: Envelope,
    route: Route,
    now: number,
    positions: readonly CursorPosition[],
    standing: Standing,
  ): boolean {
    if (standing === 'double') {
      this.#options.counters.repeated++;
      return true;
    }
    if (standing === 'ahead' && this.#options.windowMs === 0)
      for (const { cursor, number } of positions) skipGaps(cursor, number - 1);
    else if (standing === 'ahead' || !this.#mayGo(envelope, positions, now)) {
      this.#keep(envelope, route, now, positions);
      return true;
    }
    const isReadable = this.#deliver(envelope, route, envelope.live!.ageMs);
    this.#delivered(positions);
    return isReadable;
  }

  #keep(envelope: Envelope, route: Route, now: number, positions: readonly CursorPosition[]): void {
    const bytes = envelope.payload.length + envelope.target.length + HELD_OVERHEAD_BYTES;
    this.#hold({ envelope, route, arrivedAt: now, bytes, positions });
    for (const { cursor } of positions) this.#options.onHole(cursor);
    if (this.#heldBytes > MAX_HELD_BYTES) this.#makeRoom();
  }

  /** The message that has waited the longest is given up first. */
  #makeRoom(): void {
    for (const cursor of this.#holding) {
      if (this.#heldBytes <= MAX_HELD_BYTES) return;
      this.giveUp(cursor, cursor.lowestHeld - 1);
      this.#drain(cursor, true);
    }
  }

  #hold(message: HeldMessage): void {
    this.#heldBytes += message.bytes;
    for (const { cursor, number } of message.positions) {
      cursor.hold(number, message);
      this.#holding.add(cursor);
    }
  }

  /** Delivers what is held and follows now, in this channel and in others that waited for it. */
  #drain(first: LiveCursor, atOnce = false): void {
    const due = [first];
    for (let cursor = due.pop(); cursor; cursor = due.pop()) {
      for (let next = this.#following(cursor); next; next = this.#following(cursor)) {
        const { envelope, route, arrivedAt, bytes, positions } = next;
        if (envelope && !atOnce && !this.#mayGo(envelope, positions, arrivedAt)) break;
        this.#heldBytes -= bytes;
        if (envelope)
          this.#deliver(envelope, route, envelope.live!.ageMs + performance.now() - arrivedAt);
        for (const position of positions) {
          if (position.number > position.cursor.number) position.cursor.delivered(position.number);
          if (position.cursor !== cursor) due.push(position.cursor);
        }
      }
      if (cursor.heldCount === 0) this.#holding.delete(cursor);
      if (cursor.isWhole) this.#options.onWhole(cursor);
    }
  }

  /** A message that comes at once does not wait for others to read. */
  #mayGo(envelope: Envelope, positions: readonly CursorPosition[], arrivedAt: number): boolean {
    const ageMs = envelope.live!.ageMs + performance.now() - arrivedAt;
    if (ageMs < AT_ONCE_MS) return true;
    const cursors = positions.map(({ cursor }) => cursor);
    return this.#pace.take(cursors, envelope.payload.length);
  }

  /** The held message that follows in this channel, if it does in all of its channels. */
  #following(cursor: LiveCursor): HeldMessage | undefined {
    const message = cursor.held(cursor.number + 1);
    const isNext = ({ cursor: other, number }: CursorPosition): boolean =>
      other.number + 1 >= number || !this.#isHeard(other);
    return message?.positions.every(isNext) ? message : undefined;
  }

  #isHeard({ channel, route }: LiveCursor): boolean {
    return this.#options.hubs.heardRoute(channel) === route;
  }

  #delivered(positions: readonly CursorPosition[]): void {
    for (const { cursor, number } of positions)
      if (number > cursor.number) cursor.delivered(number);
    for (const { cursor } of positions) if (!cursor.isWhole) this.#drain(cursor);
  }

  #deliver(envelope: Envelope, route: Route, ageMs: number): boolean {
    const { counters } = this.#options;
    const delivered =
      ageMs < AT_ONCE_MS ? deliverEnvelope(route, envelope) : deliverLate(route, envelope, ageMs);
    if (delivered === undefined) return false;
    counters.received++;
    counters.delivered += delivered;
    return true;
  }

  /** Their numbering has ended. */
  #forgetIdle(cursors: Map<string, LiveCursor>): void {
    const before = performance.now() - this.#options.reachMs;
    for (const [life, cursor] of cursors)
      if (cursor.lastAt < before && cursor.isWhole) cursors.delete(life);
  }
}

/** A room that lingers is heard, and nobody is in it. */
function hasMembers({ hub, room, user }: Route): boolean {
  return hub.group(room, user).size > 0;
}

/** Answers with how many messages that are. */
function skipGaps(cursor: LiveCursor, upTo: number): number {
  let skipped = 0;
  for (const gap of cursor.gaps(upTo)) {
    skipped += gap[1] - gap[0] + 1;
    cursor.skip(gap);
  }
  return skipped;
}

function cursorsOf(route: Route): Map<string, LiveCursor> {
  return (route.live ??= new Map()) as Map<string, LiveCursor>;
}
