import type { Route } from '../local/route.js';
import type { Envelope } from '../wire/envelope.js';
import type { LivePosition } from '../wire/live-position.js';

/**
 * A live message that cannot be delivered yet, with all channels in which it has a position and
 * that are heard here.
 */
export interface HeldMessage {
  /**
   * Undefined for one that its sender has taken back: nobody gets it, and those behind it go on.
   */
  readonly envelope: Envelope | undefined;
  readonly route: Route;
  readonly arrivedAt: number;
  readonly bytes: number;
  readonly positions: readonly CursorPosition[];
}

export interface CursorPosition {
  readonly cursor: LiveCursor;
  readonly number: number;
}

/** The first number and the last. */
export type Span = readonly [first: number, last: number];

/**
 * `next`: follows what was delivered. `ahead`: something before it was not delivered. `double`: was
 * delivered, or is held.
 */
export type Standing = 'next' | 'ahead' | 'double';

/**
 * How far this instance has delivered what one sender sent to one channel. Does nothing itself.
 *
 * Invariants: all up to `number` was delivered, or given up; `top` is the newest that is known to
 * exist; what is held is above `number`, and not above `top`.
 */
export class LiveCursor {
  /** The sender. */
  readonly life: string;
  readonly channel: string;
  readonly route: Route;
  /** Names the numbering. 0 before the first message. */
  start = 0;
  number = 0;
  top = 0;
  /**
   * Messages that were sent before this time are not missed: nobody was here. In ms, as
   * `performance.now()`.
   */
  missesSince = 0;
  /** When something of the sender last came. */
  lastAt = 0;
  #held: Map<number, HeldMessage> | undefined;
  /** The numbers that were given up above `number`: first to last. */
  readonly #skips = new Map<number, number>();
  #skipped = 0;

  constructor(life: string, channel: string, route: Route) {
    this.life = life;
    this.channel = channel;
    this.route = route;
  }

  /** Whether all that is known to exist was delivered. */
  get isWhole(): boolean {
    return this.number >= this.top;
  }

  /** Whether something is neither delivered nor held. */
  get isMissing(): boolean {
    return this.top - this.number > this.heldCount + this.#skipped;
  }

  get heldCount(): number {
    return this.#held?.size ?? 0;
  }

  /** The lowest number that is held; Infinity where none is. */
  get lowestHeld(): number {
    let lowest = Infinity;
    for (const number of this.#held?.keys() ?? []) if (number < lowest) lowest = number;
    return lowest;
  }

  /**
   * The numbers that are neither delivered, held nor given up, in order, up to a number; so many at
   * most.
   */
  gaps(upTo = this.top, max = Infinity): Span[] {
    const there: Span[] = [...this.#skips];
    for (const number of this.#held?.keys() ?? []) there.push([number, number]);
    const gaps: Span[] = [];
    let from = this.number + 1;
    for (const [first, last] of there.sort((one, other) => one[0] - other[0])) {
      if (first > upTo || gaps.length === max) break;
      if (first > from) gaps.push([from, first - 1]);
      from = last + 1;
    }
    if (from <= upTo && gaps.length < max) gaps.push([from, upTo]);
    return gaps;
  }

  /**
   * Where a message stands. The first message of an unknown numbering begins the numbering here,
   * together with the messages before it that are missing.
   */
  standing(position: LivePosition, ageMs: number, now: number, heardAllSince: number): Standing {
    this.lastAt = now;
    const { start, number } = position;
    if (start < this.start) return 'double';
    if (start > this.start) this.#begin(position, ageMs, now, heardAllSince);
    if (number > this.top) this.top = number;
    if (number <= this.number || this.#held?.has(number) || this.#isSkipped(number))
      return 'double';
    return number === this.number + 1 ? 'next' : 'ahead';
  }

  /**
   * Whether all was delivered up to a message of the sender, behind which one comes that has no
   * number.
   */
  isAt(
    { start, number, sinceMs }: LivePosition,
    ageMs: number,
    now: number,
    heardAllSince: number,
  ): boolean {
    if (start < this.start || number === 0) return this.isWhole;
    this.lastAt = now;
    if (start > this.start)
      this.#begin({ start, number: number + 1, sinceMs }, ageMs, now, heardAllSince);
    if (number > this.top) this.top = number;
    return this.number >= number;
  }

  /** The sender has sent so many. */
  reaches(start: number, number: number, now: number): void {
    this.lastAt = now;
    if (start < this.start) return;
    if (start > this.start) this.#renumber(start, this.route.heardSince ?? now);
    this.top = Math.max(this.top, number);
  }

  /** The next one was delivered. */
  delivered(number: number): void {
    this.number = number;
    if (number > this.top) this.top = number;
    this.#held?.delete(number);
    if (this.#skipped > 0) this.#passSkipped();
  }

  hold(number: number, message: HeldMessage): void {
    (this.#held ??= new Map()).set(number, message);
    if (number > this.top) this.top = number;
  }

  held(number: number): HeldMessage | undefined {
    return this.#held?.get(number);
  }

  /** These will not come: what is behind them does not wait for them. */
  skip([from, to]: Span): void {
    this.#skips.set(from, to);
    this.#skipped += to - from + 1;
    if (to > this.top) this.top = to;
    this.#passSkipped();
  }

  #begin(
    { start, number, sinceMs }: LivePosition,
    ageMs: number,
    now: number,
    heardAllSince: number,
  ): void {
    const isFirstNumbering = this.start === 0;
    const { heardSince = Infinity } = this.route;
    this.#renumber(start, Math.min(heardSince, now));
    // The one before it was sent before the channel was heard: it and all before are not missed.
    // That is certain where nothing can have been missed since; else the time says it, which is
    // late by what the message was on its way.
    const isBefore = heardSince >= heardAllSince || now - ageMs - sinceMs <= heardSince;
    if (isFirstNumbering && isBefore) this.number = number - 1;
  }

  #passSkipped(): void {
    for (let last = this.#skips.get(this.number + 1); last !== undefined;) {
      this.#skips.delete(this.number + 1);
      this.#skipped -= last - this.number;
      this.number = last;
      last = this.#skips.get(this.number + 1);
    }
  }

  #isSkipped(number: number): boolean {
    for (const [first, last] of this.#skips) if (number >= first && number <= last) return true;
    return false;
  }

  /** Of the numbering before, nothing is held: what was has been delivered. */
  #renumber(start: number, missesSince: number): void {
    this.#skips.clear();
    this.#skipped = 0;
    this.start = start;
    this.number = 0;
    this.top = 0;
    this.missesSince = missesSince;
  }
}
