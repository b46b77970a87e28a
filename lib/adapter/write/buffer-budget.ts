import type { Counters } from '../../cluster/common/counters.js';
import type { ThrottledLog } from '../../cluster/common/throttled-log.js';
import type { FlushScheduler } from '../../hub/flush-scheduler.js';

/** A connection that may hold what its client has not read. */
export interface BufferHolder {
  /** How much it holds right now. */
  readonly bufferedBytes: number;
  /** Does with the connection what the app wants done with slow ones. */
  shed(): void;
}

export interface BufferBudgetOptions {
  readonly totalBufferLimitBytes: number;
  readonly turn: FlushScheduler;
  readonly counters: Pick<Counters, 'bufferOverflows'>;
  readonly log: ThrottledLog;
}

/**
 * How much all clients of an instance together leave unread, and which have to go when that is too
 * much: the slowest first.
 *
 * Connections say what they hold when they are written to. Those that are not may have been read
 * meanwhile, so the sum is never too low; it is made exact before anybody has to go.
 */
export class BufferBudget {
  readonly #options: BufferBudgetOptions;
  /** Only those that hold something. */
  readonly #held = new Map<BufferHolder, number>();
  #totalBytes = 0;
  #allowanceBytes = Infinity;
  #countedIn = 0;

  constructor(options: BufferBudgetOptions) {
    this.#options = options;
  }

  /** How much one connection may hold: lowered while all together hold too much. */
  get allowanceBytes(): number {
    return this.#allowanceBytes;
  }

  /** Whether more may be written to those that can wait for it. */
  get hasRoom(): boolean {
    return this.#totalBytes <= this.#options.totalBufferLimitBytes;
  }

  /** The connection holds so much now; to be called when that has changed. */
  note(holder: BufferHolder, bytes: number): void {
    this.#set(holder, bytes);
    if (this.hasRoom) this.#allowanceBytes = Infinity;
    else this.#makeRoom();
  }

  forget(holder: BufferHolder): void {
    this.#set(holder, 0);
  }

  #set(holder: BufferHolder, bytes: number): void {
    this.#totalBytes += bytes - (this.#held.get(holder) ?? 0);
    if (bytes > 0) this.#held.set(holder, bytes);
    else this.#held.delete(holder);
  }

  /** At most once a turn: it looks at everybody who holds something. */
  #makeRoom(): void {
    const { totalBufferLimitBytes, turn, counters, log } = this.#options;
    if (this.#countedIn === turn.number) return;
    this.#countedIn = turn.number;
    for (const holder of this.#held.keys()) this.#set(holder, holder.bufferedBytes);
    const wasWithin = this.#allowanceBytes === Infinity;
    this.#allowanceBytes = Infinity;
    if (this.hasRoom) return;
    if (wasWithin) counters.bufferOverflows++;
    log.warn(
      'buffers',
      `Clients leave ${this.#totalBytes} bytes unread together, and "totalBufferLimitBytes" is ${totalBufferLimitBytes}: ` +
        'the slowest of them go first.',
    );
    let rest = this.#totalBytes;
    let allowanceBytes = Infinity;
    for (const [holder, bytes] of [...this.#held].sort(([, a], [, b]) => b - a)) {
      if (rest <= totalBufferLimitBytes) break;
      // A client that holds as much as the last of them holds too much, too.
      allowanceBytes = bytes - 1;
      rest -= bytes;
      holder.shed();
    }
    // Those that are disconnected hold nothing any more.
    if (!this.hasRoom) this.#allowanceBytes = allowanceBytes;
  }
}
