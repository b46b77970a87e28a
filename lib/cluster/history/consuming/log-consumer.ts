import type { LogEntry, LogRead, LogTop, PublishedEntry } from '../../../transport/logs.js';
import type { Route } from '../../local/route.js';
import type { Loss } from '../../local/connection.js';
import {
  Cursor,
  CURSOR_LIMITS,
  type CursorCounters,
  type CursorOutcome,
  type PendingRead,
} from './cursor.js';
import type { HeldTotal } from './reorder-buffer.js';
import type { GroupKind } from '../../../hub/target.js';
import type { HistoryRule } from '../../common/history-rules.js';

/** The group of a log. */
export interface LogKey {
  readonly channel: string;
  readonly kind: GroupKind;
  /** The room's or the user's; empty for `all`. */
  readonly name: string;
  readonly rule: HistoryRule;
}

/** The callbacks of a followed log. None of these may throw. */
export interface LogConsumerEvents {
  /** The next entry for the members. */
  deliver(log: LogConsumer, entry: LogEntry): void;
  lost(log: LogConsumer, loss: Loss): void;
  /** {@link LogConsumer.wanted} is set. */
  wantsRead(log: LogConsumer): void;
  /** The cursor was in doubt for so long, and has caught up. */
  repaired(log: LogConsumer, tookMs: number): void;
}

/** The things that the cursors of an instance have in common. */
export interface CursorSharing {
  readonly counters: CursorCounters;
  readonly heldTotal: HeldTotal;
}

/** A log with members on this instance: where they stand in it, and what brings them on. */
export class LogConsumer implements LogKey {
  readonly channel: string;
  readonly kind: GroupKind;
  readonly name: string;
  readonly rule: HistoryRule;
  readonly route: Route;
  /**
   * Its channel was confirmed once: a top that is read from now on is no older than what is heard.
   */
  subscribed = false;
  /** Kept by the quiet checks. */
  touchedAt = 0;
  quietStage: number | undefined;
  /** Kept by the gap reader: the reads since the last one that had entries. */
  fruitlessReads = 0;
  /** The history's owner, as clients see it: `{"room":"r"}`. */
  readonly label: string;
  readonly #cursor: Cursor;
  readonly #follower: LogConsumerEvents;
  #placed: Promise<void> | undefined;
  #endWait: (() => void) | undefined;
  #closed = false;
  /** A member joined before the first position was known. */
  #joinedOffline = false;
  #doubtfulSince: number | undefined;

  constructor(name: LogKey, route: Route, follower: LogConsumerEvents, sharing: CursorSharing) {
    this.channel = name.channel;
    this.kind = name.kind;
    this.name = name.name;
    this.rule = name.rule;
    this.route = route;
    this.label = JSON.stringify({ [name.kind]: name.kind === 'all' ? true : name.name });
    this.#follower = follower;
    this.#cursor = new Cursor(sharing.counters, CURSOR_LIMITS, sharing.heldTotal);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Where the members stand; undefined before the first placing. */
  get position(): LogTop | undefined {
    return this.#cursor.position;
  }

  /** As {@link Cursor.deliveredUpTo}. */
  get deliveredUpTo(): number {
    return this.#cursor.deliveredUpTo;
  }

  /** As {@link Cursor.hasAnother}. */
  hasAnother(entry: LogEntry): boolean {
    return this.#cursor.hasAnother(entry);
  }

  /**
   * Resolves when the position in the log is known, or when there is no point in waiting for that.
   */
  placed(): Promise<void> {
    if (this.#closed || this.position) return Promise.resolve();
    return (this.#placed ??= new Promise<void>((resolve) => (this.#endWait = resolve)));
  }

  /** The read that would bring it on; undefined while it needs none. */
  get pendingRead(): PendingRead | undefined {
    return this.#closed ? undefined : this.#cursor.pendingRead;
  }

  /** An entry came from its channel. */
  arrive(entry: PublishedEntry): void {
    this.#apply(this.#cursor.arrive(entry));
  }

  /** Where the log stands in Redis. */
  compare(top: LogTop): void {
    if (this.#closed) return;
    const isFirst = this.position === undefined;
    const outcome = this.#cursor.placed(top);
    if (isFirst && this.#joinedOffline) this.#sayJoinedOffline(top);
    this.#apply(outcome);
    this.endWait();
  }

  /**
   * Takes the result of a read. False if the cursor did not advance, and another read is pending.
   */
  repair(pendingRead: PendingRead, read: LogRead): boolean {
    const outcome = this.#cursor.repaired(pendingRead, read);
    const fruitful = outcome.deliver.length > 0 || outcome.lost !== undefined;
    if (fruitful) this.fruitlessReads = 0;
    this.#apply(outcome);
    return fruitful || this.pendingRead === undefined;
  }

  /** The subscription is gone, or in doubt. */
  suspend(): void {
    this.#cursor.suspend();
    this.endWait();
  }

  /** OutcomeCallbacks the wait for the first placing, which may take as long as Redis is away. */
  endWait(): void {
    if (this.position === undefined) this.#joinedOffline = true;
    this.#endWait?.();
    this.#placed = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#cursor.close();
    this.endWait();
  }

  #apply({ lost, deliver, read }: CursorOutcome): void {
    if (lost) this.#follower.lost(this, lost);
    for (const entry of deliver) this.#follower.deliver(this, entry);
    if (this.#cursor.state === 'live') return this.#caughtUp();
    this.#doubtfulSince ??= performance.now();
    if (read) this.#follower.wantsRead(this);
  }

  #sayJoinedOffline(top: LogTop): void {
    const last = { epoch: top.epoch, offset: 0, tag: '' };
    this.#follower.lost(this, { reason: 'joined-offline', last, top });
  }

  #caughtUp(): void {
    if (this.#doubtfulSince === undefined) return;
    const tookMs = performance.now() - this.#doubtfulSince;
    this.#doubtfulSince = undefined;
    this.fruitlessReads = 0;
    this.#follower.repaired(this, tookMs);
  }
}
