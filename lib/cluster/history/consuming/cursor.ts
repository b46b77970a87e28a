import { isSameBeginning } from '../../../transport/log-epoch.js';
import type {
  LogEntry,
  LogRange,
  LogRead,
  LogTop,
  PublishedEntry,
} from '../../../transport/logs.js';
import type { Loss, LossReason } from '../../local/connection.js';
import { lastCommonOffset, hasForked, mayReachFurtherBack } from './last-common-offset.js';
import { ReorderBuffer, type HeldLimits, type HeldTotal } from './reorder-buffer.js';
import { DeliveredWindow } from './delivered-window.js';

/**
 * - `subscribing`: the channel may not be heard, or the log's top is not known since; what arrives
 *   is held.
 * - `live`: entries are delivered as they arrive.
 * - `repairing`: the log was asked for what is missing; what arrives is held.
 */
export type CursorState = 'subscribing' | 'live' | 'repairing';

/** A read that a cursor wants. */
export interface PendingRead extends LogRange {
  /** One that follows a delivered offset: the entry there names what it follows in the log. */
  readonly from: number;
}

/** The steps to take, in this order. */
export interface CursorOutcome {
  readonly lost: Loss | undefined;
  readonly deliver: readonly LogEntry[];
  readonly read: PendingRead | undefined;
}

export interface CursorLimits extends HeldLimits {
  /** How many offsets a fork may go back. */
  readonly remembered: number;
  /** How many entries a read asks for. */
  readonly read: number;
}

export const CURSOR_LIMITS: CursorLimits = {
  remembered: 64,
  read: 256,
  heldEntries: 1_000,
  heldBytes: 1024 * 1024,
  heldBytesOfAll: 64 * 1024 * 1024,
};

/** Plain numbers, shared by the cursors of an instance. */
export interface CursorCounters {
  /** Second copies of an entry, dropped. */
  repeated: number;
  /** Repairs that began with an entry that did not fit. */
  gaps: number;
  /** Entries that arrived by a repair. */
  repaired: number;
}

const NOTHING: CursorOutcome = Object.freeze({
  lost: undefined,
  deliver: Object.freeze([]),
  read: undefined,
});

/**
 * How far one instance has delivered one log. It does no I/O: each call returns the steps to take.
 *
 * Invariants: an entry is delivered only after its predecessor, or after a loss was reported. No
 * entry is delivered twice while its tag is remembered, even if the log loses its last entries and
 * gets them back. The tags of a branch are forgotten when the log has left that branch. Held
 * entries may be dropped at any time: the next entry that arrives, or the next top, shows that it
 * is missing.
 */
export class Cursor {
  readonly #counters: CursorCounters;
  readonly #limits: CursorLimits;
  readonly #heldTotal: HeldTotal;
  #subscribed = false;
  #epoch = '';
  #offset = 0;
  #tag = '';
  /**
   * Undefined before the first top. Reaches beyond the position where the log has lost its end
   * since.
   */
  #delivered: DeliveredWindow | undefined;
  #held: ReorderBuffer | undefined;
  #pendingRead: PendingRead | undefined;
  /** The last read of the log had no entries, and a held entry did not fit. */
  #lastReadWasEmpty = false;

  /** @param heldTotal shared by the cursors of an instance */
  constructor(
    counters: CursorCounters,
    limits = CURSOR_LIMITS,
    heldTotal: HeldTotal = { bytes: 0 },
  ) {
    this.#counters = counters;
    this.#limits = limits;
    this.#heldTotal = heldTotal;
  }

  get state(): CursorState {
    if (!this.#subscribed) return 'subscribing';
    return this.#pendingRead ? 'repairing' : 'live';
  }

  /**
   * The newest entry of the log that was delivered, or need not be. Undefined before the first top.
   */
  get position(): LogTop | undefined {
    return this.#delivered && { epoch: this.#epoch, offset: this.#offset, tag: this.#tag };
  }

  /**
   * Up to where it has delivered: beyond the position where the log has lost its end, which may
   * come back.
   */
  get deliveredUpTo(): number {
    return this.#delivered?.newest ?? 0;
  }

  /** Whether another entry was delivered at that offset. False where that is not remembered. */
  hasAnother({ offset, tag }: Pick<LogTop, 'offset' | 'tag'>): boolean {
    const delivered = this.#delivered?.at(offset);
    return delivered !== undefined && delivered !== tag;
  }

  /** The read that it waits for while it repairs. One that failed is still wanted. */
  get pendingRead(): PendingRead | undefined {
    return this.#pendingRead;
  }

  /** The subscription is gone, or in doubt. Held entries are in the log, if they are anywhere. */
  suspend(): void {
    this.#subscribed = false;
    this.#pendingRead = undefined;
    this.#dropBuffered();
  }

  /** Nobody follows the log any more. */
  close(): void {
    this.suspend();
  }

  /** An entry as it came on the channel. */
  arrive(entry: PublishedEntry): CursorOutcome {
    if (!this.#subscribed || this.#pendingRead) {
      this.#hold(entry);
      return NOTHING;
    }
    if (entry.epoch === this.#epoch && this.#follows(entry))
      return this.#advance(entry)
        ? { lost: undefined, deliver: [entry], read: undefined }
        : NOTHING;
    if (this.#isRepeated(entry)) return NOTHING;
    this.#counters.gaps++;
    this.#hold(entry);
    return this.#wantAfter(this.#offset);
  }

  /**
   * The top of the log: the first one is where the cursor begins, each later one is a check.
   * @param top asked for after the subscription was confirmed that is in force now
   */
  placed(top: LogTop): CursorOutcome {
    this.#subscribed = true;
    if (!this.#delivered) this.#moveTo(top);
    else if (this.#isBeforeAllOf(top.epoch)) this.#moveTo(beginningOf(top));
    if (!this.#standsAt(top)) return this.#wantAfter(this.#offset);
    return this.#join(top.offset, []);
  }

  /**
   * @param wanted the read that was asked for: an answer to an earlier wish says nothing any more
   */
  repaired(pendingRead: PendingRead, read: LogRead): CursorOutcome {
    if (pendingRead !== this.#pendingRead) return NOTHING;
    const { top } = read;
    if (this.#isBeforeAllOf(top.epoch)) this.#moveTo(beginningOf(top));
    if (top.epoch !== this.#epoch) return this.#beginAnew(top);
    const delivered = this.#delivered!;
    const common = lastCommonOffset(read, delivered);
    if (common === undefined) {
      const { oldest } = delivered;
      if (pendingRead.from > oldest + 1 && mayReachFurtherBack(read, pendingRead.from))
        return this.#wantAfter(oldest);
      return this.#lose(hasForked(read, delivered) ? 'forked' : 'trimmed', top);
    }
    this.#offset = common;
    this.#tag = delivered.at(common)!;
    const deliver = this.#follow(read.entries);
    if (this.#offset >= top.offset) return this.#join(top.offset, deliver);
    return this.#wantAfter(this.#offset, deliver);
  }

  #follow(entries: readonly LogEntry[]): LogEntry[] {
    const followed: LogEntry[] = [];
    for (const entry of entries) {
      if (entry.offset <= this.#offset) continue;
      if (!this.#follows(entry)) break;
      this.#advance(entry);
      followed.push(entry);
    }
    this.#counters.repaired += followed.length;
    return followed;
  }

  /**
   * All of a new epoch is news: it is followed from its first entry, or lost once more if that is
   * gone.
   */
  #beginAnew(top: LogTop): CursorOutcome {
    const start = beginningOf(top);
    const lost: Loss = { reason: 'new-epoch', last: this.position!, top: start };
    this.#moveTo(start);
    return top.offset === 0 ? this.#join(0, [], lost) : this.#wantAfter(0, [], lost);
  }

  #lose(reason: LossReason, top: LogTop): CursorOutcome {
    const last = this.position!;
    this.#moveTo(top);
    return this.#join(top.offset, [], { reason, last, top });
  }

  /**
   * The log is delivered up to an offset: on with what is held. An entry that does not fit shows
   * that the answer was too old, so the log is asked again, once more: what it does not know then
   * is of a branch that it has lost.
   */
  #join(upTo: number, deliver: LogEntry[], lost?: Loss): CursorOutcome {
    this.#pendingRead = undefined;
    for (const entry of this.#held?.take() ?? []) {
      if (entry.epoch !== this.#epoch) this.#hold(entry);
      else if (this.#follows(entry)) {
        if (this.#advance(entry)) deliver.push(entry);
      } else if (!this.#isRepeated(entry) && entry.offset > upTo) this.#hold(entry);
    }
    const isEmpty = deliver.length === 0 && !lost;
    const askAgain =
      this.#held !== undefined && this.#held.size > 0 && !(isEmpty && this.#lastReadWasEmpty);
    this.#lastReadWasEmpty = isEmpty && askAgain;
    if (askAgain) return this.#wantAfter(this.#offset, deliver, lost);
    this.#dropBuffered();
    return { lost, deliver, read: undefined };
  }

  #wantAfter(offset: number, deliver: readonly LogEntry[] = [], lost?: Loss): CursorOutcome {
    this.#pendingRead = { from: offset + 1, limit: this.#limits.read };
    return { lost, deliver, read: this.#pendingRead };
  }

  #hold(entry: PublishedEntry): void {
    (this.#held ??= new ReorderBuffer(this.#limits, this.#heldTotal)).add(entry);
  }

  #dropBuffered(): void {
    this.#held?.clear();
    this.#held = undefined;
  }

  #standsAt(top: LogTop): boolean {
    return top.offset === this.#offset && top.tag === this.#tag && top.epoch === this.#epoch;
  }

  /** In another epoch, at whose beginning nothing can have been sent that was not delivered. */
  #isBeforeAllOf(epoch: string): boolean {
    const isAtBeginning = this.#offset === 0 && this.deliveredUpTo === 0;
    return isAtBeginning && epoch !== this.#epoch && isSameBeginning(this.#epoch, epoch);
  }

  #follows(entry: LogEntry): boolean {
    return entry.offset === this.#offset + 1 && entry.previousTag === this.#tag;
  }

  #isRepeated(entry: PublishedEntry): boolean {
    if (entry.epoch !== this.#epoch || !this.#delivered!.has(entry)) return false;
    this.#counters.repeated++;
    return true;
  }

  /** False if the entry was delivered before the log went back. */
  #advance(entry: LogEntry): boolean {
    this.#offset = entry.offset;
    this.#tag = entry.tag;
    if (this.#delivered!.has(entry)) {
      this.#counters.repeated++;
      return false;
    }
    this.#delivered!.add(entry);
    return true;
  }

  #moveTo(top: LogTop): void {
    this.#epoch = top.epoch;
    this.#offset = top.offset;
    this.#tag = top.tag;
    this.#delivered = new DeliveredWindow(top, this.#limits.remembered);
  }
}

function beginningOf({ epoch }: LogTop): LogTop {
  return { epoch, offset: 0, tag: '' };
}
