import { decodeLogEntry, encodeLogEntry } from '../log-entry.js';
import { isOfSameTime } from '../log-epoch.js';
import type { Appended, LogLifetimes, LogLimits, LogTop, PublishedEntry } from '../logs.js';

interface FirstResult {
  readonly epoch: string;
  readonly offset: number;
  readonly lapsesAt: number;
}

/** One log: what Redis holds of one under its three kinds of keys. */
export class MemoryLog {
  #top: LogTop = { epoch: '', offset: 0, tag: '' };
  #topLapsesAt = -Infinity;
  /** Oldest first. */
  #entries: PublishedEntry[] = [];
  #entriesLapseAt = -Infinity;
  readonly #results = new Map<string, FirstResult>();

  /** Drops what has lapsed. False if nothing is left. */
  sweep(now: number): boolean {
    if (this.#topLapsesAt <= now) this.#top = { epoch: '', offset: 0, tag: '' };
    if (this.#entriesLapseAt <= now) this.#entries = [];
    for (const [id, { lapsesAt }] of this.#results) if (lapsesAt <= now) this.#results.delete(id);
    return this.#top.epoch !== '' || this.#entries.length > 0 || this.#results.size > 0;
  }

  /**
   * Where it stands; begins anew, under the epoch, if it has none. One to which nothing was sent
   * takes the epoch if that is of a later time than its own.
   */
  look(epoch: string, lifetimes: Required<LogLifetimes>, now: number): LogTop {
    if (this.#topLapsesAt <= now) {
      this.#top = { epoch, offset: 0, tag: '' };
      this.#entries = [];
    } else if (this.#top.offset === 0 && !isOfSameTime(this.#top.epoch, epoch)) {
      this.#top = { epoch, offset: 0, tag: '' };
    }
    const { metaTtlMs, emptyTtlMs } = lifetimes;
    this.#topLapsesAt = now + (this.#top.offset > 0 ? metaTtlMs : emptyTtlMs);
    return this.#top;
  }

  /** Where it stands; undefined if it has no epoch. For who does not follow it. */
  glance(metaTtlMs: number, now: number): LogTop | undefined {
    if (this.#topLapsesAt <= now) return undefined;
    if (this.#top.offset > 0) this.#topLapsesAt = now + metaTtlMs;
    return this.#top;
  }

  firstResult(id: string, now: number): Appended | undefined {
    const result = this.#results.get(id);
    if (!result || result.lapsesAt <= now) return undefined;
    return { epoch: result.epoch, offset: result.offset, duplicate: true };
  }

  remember(id: string, { epoch, offset }: Appended, lapsesAt: number): void {
    this.#results.set(id, { epoch, offset, lapsesAt });
  }

  /** Answers with the entry as it is published. The log has been looked at before. */
  append(bytes: Buffer, tag: string, limits: LogLimits, now: number): Buffer {
    const { size, ttlMs, metaTtlMs } = limits;
    const { epoch, offset, tag: previousTag } = this.#top;
    const frame = encodeLogEntry({
      epoch,
      offset: offset + 1,
      tag,
      previousTag,
      publishedAtMs: Date.now(),
      bytes,
    });
    if (this.#entriesLapseAt <= now) this.#entries = [];
    this.#entries.push(decodeLogEntry(frame)!);
    if (this.#entries.length > size) this.#entries.splice(0, this.#entries.length - size);
    this.#entriesLapseAt = now + ttlMs;
    this.#top = { epoch, offset: offset + 1, tag };
    this.#topLapsesAt = now + metaTtlMs;
    return frame;
  }

  entries(now: number): readonly PublishedEntry[] {
    return this.#entriesLapseAt > now ? this.#entries : [];
  }
}
