/**
 * The last part of a deadline's time is waited for in so many pieces. A process that stands still
 * learns afterwards that timers are due before it reads what came meanwhile: by its pieces the
 * deadline sees that, and leaves time to read.
 */
const PIECES = 4;
const MAX_PIECE_MS = 1_000;
/**
 * A piece that ends later than this is one in which the process stood still, where a quarter of the
 * piece is not more.
 */
const STANDSTILL_MS = 50;
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The one way in which the library keeps deadlines. Time counts only while the event loop runs:
 * however long this process stands still, it costs no more than what lies before the last four
 * seconds. And what has arrived by the end is read before the deadline ends.
 *
 * Bounds: it never ends before its time. It ends at its time while the loop runs. Where the loop is
 * blocked again and again, it ends after twice its time (four seconds more, where that is less) and
 * what one turn of the loop takes at each piece.
 */
export class Deadline {
  readonly #ms: number;
  readonly #pieceMs: number;
  readonly #onEnd: () => void;
  #unwatchedMs = 0;
  #pieces = 0;
  /** So many pieces in which the process stood still do not count. */
  #forgiven = 0;
  #pieceEndsAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /**
   * Begins at once.
   * @param ms may be Infinity
   * @param onEnd called once, unless {@link cancel} was; must not throw
   */
  constructor(ms: number, onEnd: () => void) {
    this.#ms = ms;
    this.#pieceMs = Math.min(ms / PIECES, MAX_PIECE_MS);
    this.#onEnd = onEnd;
    this.restart();
  }

  /** Has all of its time again. Nothing where it is over. */
  restart(): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    this.#unwatchedMs = this.#ms - PIECES * this.#pieceMs;
    this.#pieces = PIECES;
    this.#forgiven = PIECES;
    this.#wait();
  }

  /** It is waited for no longer. May be called more than once. */
  cancel(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    const ms = this.#unwatchedMs > 0 ? Math.min(this.#unwatchedMs, MAX_TIMER_MS) : this.#pieceMs;
    this.#pieceEndsAt = performance.now() + ms;
    // No function of its own: there may be a deadline a message.
    this.#timer = setTimeout(Deadline.#pieceEnded, ms, this, ms);
  }

  static #pieceEnded(this: void, deadline: Deadline, ms: number): void {
    if (deadline.#unwatchedMs > 0) deadline.#unwatchedMs -= ms;
    else if (deadline.#forgiven > 0 && deadline.#stoodStill()) deadline.#forgiven--;
    else deadline.#pieces--;
    if (deadline.#pieces > 0) deadline.#wait();
    // Data that has arrived is read before that.
    else setImmediate(Deadline.#end, deadline);
  }

  static #end(this: void, deadline: Deadline): void {
    // It may have been given all of its time again by what was read.
    if (deadline.#isOver || deadline.#pieces > 0) return;
    deadline.#isOver = true;
    deadline.#onEnd();
  }

  #stoodStill(): boolean {
    const lateMs = performance.now() - this.#pieceEndsAt;
    return lateMs > Math.max(STANDSTILL_MS, this.#pieceMs / PIECES);
  }
}

/**
 * Settles as the promise does, or rejects with what `late` makes if that takes longer. The promise
 * itself goes on.
 * @param late must not throw
 */
export function withDeadline<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const deadline = new Deadline(ms, () => reject(late()));
    promise.then(
      (value) => {
        deadline.cancel();
        resolve(value);
      },
      (error: Error) => {
        deadline.cancel();
        reject(error);
      },
    );
  });
}

/** Resolves when the promise has settled, or after so long. Never rejects. */
export async function settledWithin(ms: number, promise: Promise<unknown>): Promise<void> {
  await withDeadline(promise, ms, () => new Error('late')).catch(() => {});
}
