import { Batch } from './batch.js';
import type { Frame } from './frame.js';
import type { WriteFlags, Member } from './member.js';
import type { FlushScheduler } from './flush-scheduler.js';

/**
 * Broadcasts that follow each other and mean the same members: joined, and written to each in one
 * go.
 */
interface PendingBroadcast<M> {
  readonly id: number;
  readonly members: ReadonlySet<M>;
  /** The one among them that is left out: a sender, as a rule. */
  readonly skip: M | undefined;
  readonly delivery: WriteFlags;
  readonly batch: Batch;
  /** Members that are not written yet; undefined before the first is. */
  rest: IterableIterator<M> | undefined;
}

/** How long one turn may write before it lets others have theirs. */
const BUDGET_MS = 8;
/**
 * A fan-out that follows hard on another is one of many: so many turns may read more of them first.
 */
const EXTRA_TICKS_UNDER_LOAD = 3;
/** How many members are written between two looks at the clock. */
const WRITES_PER_LOOK = 128;
/**
 * A turn that has more than this for one set of members writes it at once, so that the sockets can
 * begin.
 */
const MAX_PENDING_BYTES = 256 * 1024;

/** So many broadcasts wait at most: each costs a look when a member is flushed. */
const MAX_PENDING_BROADCASTS = 256;

export interface FanOutOptions {
  readonly turn: FlushScheduler;
  /** How long a broadcast may wait for others to leave with it. 0: until the end of the turn. */
  readonly coalesceMs: number;
}

/**
 * One frame to many members. Broadcasts wait until the turn ends (or a little longer, see
 * `coalesceMs`), so that what follows each other to the same members is joined once. Each member
 * gets everything in the order of the calls.
 *
 * Invariants: broadcasts are written in the order of their ids. `member.lastBroadcast` is the
 * newest one that the member was written or is not due; before a member's memberships change and
 * before anything else is written to it, it is flushed.
 */
export class FanOut<M extends Member> {
  readonly #options: FanOutOptions;
  readonly #pending: PendingBroadcast<M>[] = [];
  #lastId = 0;
  /** The newest broadcast may not grow any more: somebody was written it already. */
  #sealed = true;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  /** A fan-out before then follows hard on the last one: within as much time as that took. */
  #busyUntil = 0;

  constructor(options: FanOutOptions) {
    this.#options = options;
  }

  /**
   * @param members may be a live group: who joins later is not due the frame, who leaves later is
   * @param skip the one among them that is left out
   */
  send(members: ReadonlySet<M>, skip: M | undefined, frame: Frame, delivery: WriteFlags): void {
    if (members.size === 0) return;
    const last = this.#sealed ? undefined : this.#pending.at(-1);
    if (last?.members === members && last.skip === skip && sameFlags(last.delivery, delivery)) {
      last.batch.add(frame);
      if (last.batch.bytes > MAX_PENDING_BYTES) this.#flushNow();
      return;
    }
    if (this.#pending.length >= MAX_PENDING_BROADCASTS) this.#flushNow();
    const broadcast = {
      id: ++this.#lastId,
      members,
      skip,
      delivery,
      batch: new Batch(frame),
      rest: undefined,
    };
    this.#pending.push(broadcast);
    this.#sealed = false;
    this.#flushLater();
  }

  /** Writes to one member what it is due so far, now. */
  flushMember(member: M): void {
    if (this.#pending.length === 0 || member.lastBroadcast === this.#lastId) return;
    this.#sealed = true;
    for (const broadcast of this.#pending) {
      if (
        broadcast.id <= member.lastBroadcast ||
        broadcast.skip === member ||
        !broadcast.members.has(member)
      )
        continue;
      member.write(broadcast.batch, broadcast.delivery, true);
    }
    member.lastBroadcast = this.#lastId;
  }

  /** Writes all that is due, now. */
  flush(): void {
    this.#write(Infinity);
  }

  /** Writes what is due, and lets nothing wait any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.flush();
    this.#scheduled = false;
  }

  #flushLater(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const { turn, coalesceMs } = this.#options;
    if (coalesceMs > 0) this.#timer = setTimeout(this.#flushSome, coalesceMs);
    else if (performance.now() < this.#busyUntil) this.#flushIn(EXTRA_TICKS_UNDER_LOAD);
    else turn.atEnd(this.#flushSome);
  }

  #flushIn(turns: number): void {
    if (turns === 0) this.#options.turn.atEnd(this.#flushSome);
    else setImmediate(() => this.#flushIn(turns - 1));
  }

  readonly #flushSome = (): void => {
    this.#scheduled = false;
    const begun = performance.now();
    const done = this.#write(begun + BUDGET_MS);
    const ended = performance.now();
    this.#busyUntil = ended + (ended - begun);
    if (done) return;
    // The rest has waited long enough: it goes on in the next turn, after others had theirs.
    this.#scheduled = true;
    this.#options.turn.atEnd(this.#flushSome);
  };

  /**
   * As much has come together as may wait. A flush that takes too long goes on when its time comes:
   * it is on its way.
   */
  #flushNow(): void {
    this.#write(performance.now() + BUDGET_MS);
  }

  /** False if the time was up before all was written. */
  #write(until: number): boolean {
    this.#sealed = true;
    let writes = 0;
    for (let broadcast = this.#pending[0]; broadcast; broadcast = this.#pending[0]) {
      const more = this.#pending.length > 1;
      broadcast.rest ??= broadcast.members.values();
      // A Set's iterator goes on where an earlier loop left it.
      for (const member of broadcast.rest) {
        if (member.lastBroadcast >= broadcast.id || member === broadcast.skip) continue;
        member.lastBroadcast = broadcast.id;
        member.write(broadcast.batch, broadcast.delivery, more);
        if (++writes % WRITES_PER_LOOK === 0 && performance.now() > until) return false;
      }
      this.#pending.shift();
    }
    return true;
  }
}

function sameFlags(a: WriteFlags, b: WriteFlags): boolean {
  return a.volatile === b.volatile && a.compress === b.compress;
}
