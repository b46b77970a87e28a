import type {
  LogEntry,
  LogRange,
  LogRead,
  LogTop,
  PublishedEntry,
} from '../../../lib/transport/logs.js';

/** What a log holds at one moment. */
export interface Snapshot {
  readonly epoch: string;
  /** Every entry of the branch from the first on, also those that are not kept any more. */
  readonly branch: readonly PublishedEntry[];
  /** How many of them, from the first on, are not kept any more. */
  readonly gone: number;
}

export function topOf({ epoch, branch }: Snapshot): LogTop {
  const { offset, tag } = branch.at(-1) ?? { offset: 0, tag: '' };
  return { epoch, offset, tag };
}

export function readOf(snapshot: Snapshot, { from = 1, limit }: LogRange): LogRead {
  const start = Math.max(from - 1, snapshot.gone);
  return { top: topOf(snapshot), entries: snapshot.branch.slice(start, start + limit) };
}

/**
 * Whether the log shows that this entry is in it: it holds it, or the one after it, or its top is
 * it.
 */
export function shows(
  { branch, gone }: Snapshot,
  { offset, tag }: Pick<LogEntry, 'offset' | 'tag'>,
) {
  return offset >= Math.min(gone, branch.length) && tagAt(branch, offset) === tag;
}

export function tagAt(branch: Snapshot['branch'], offset: number): string | undefined {
  return offset === 0 ? '' : branch[offset - 1]?.tag;
}

/** As `log-epoch.ts` says: of some data, all of one time. */
function epochName(data: number, epoch: number): string {
  return `${String(data).padStart(3, '0')}AA${String(epoch).padStart(3, '0')}`;
}

/**
 * Whether two epochs have the same beginning: in the model, one lapses only if it never had an
 * entry.
 */
export function isOfSameData(one: string, other: string): boolean {
  return one.slice(0, 3) === other.slice(0, 3);
}

/**
 * A log as Redis keeps it, with all that can befall it. Tags are alike, as far as they may be:
 * those of one offset differ, and those of offsets next to each other; others need not.
 */
export class ModelLog {
  #history: Snapshot[] = [{ epoch: epochName(1, 1), branch: [], gone: 0 }];
  /** How many entries were ever given an offset of this epoch. */
  #given: number[] = [];
  #data = 1;
  #epochs = 1;

  get now(): Snapshot {
    return this.#history.at(-1)!;
  }

  /**
   * As a replica has it that lags by so many changes. One that would lead back to a branch that is
   * gone is none of this log.
   */
  before(changes: number): Snapshot {
    return this.#history[Math.max(0, this.#history.length - 1 - changes)]!;
  }

  append(): PublishedEntry {
    const { epoch, branch } = this.now;
    const { offset, tag } = topOf(this.now);
    const bytes = Buffer.alloc(10);
    const nth = (this.#given[offset] ?? 0) + 1;
    this.#given[offset] = nth;
    const entry = {
      epoch,
      offset: offset + 1,
      tag: `${(offset + 1) % 2 ? 'odd' : 'even'}-${nth}`,
      previousTag: tag,
      publishedAtMs: 0,
      bytes,
    };
    this.#become({ branch: [...branch, entry] });
    return entry;
  }

  /** Keeps the newest entries only; none: the stream expired or was evicted. */
  trim(keep: number): void {
    const { branch, gone } = this.now;
    this.#become({ gone: Math.max(gone, branch.length - keep) });
  }

  /** A replica takes over that has not got the newest entries. */
  failOver(missing: number): void {
    const { branch, gone } = this.now;
    const kept = branch.slice(0, Math.max(0, branch.length - missing));
    this.#become({ branch: kept, gone: Math.min(gone, kept.length) });
    this.#history = [this.now];
  }

  /** Redis was emptied. */
  begin(): void {
    this.#given = [];
    this.#data++;
    this.#become({ epoch: epochName(this.#data, ++this.#epochs), branch: [], gone: 0 });
  }

  /** Nobody looked at it for a while, and nothing was ever sent to it. */
  lapse(): void {
    if (this.#given.length > 0) return;
    this.#become({ epoch: epochName(this.#data, ++this.#epochs) });
  }

  #become(change: Partial<Snapshot>): void {
    this.#history.push({ ...this.now, ...change });
  }
}
