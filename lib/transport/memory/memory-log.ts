import { decodeLogEntry, encodeLogEntry } from '../log-entry.js';
import type { Appended, LogLimits, LogTop, PublishedEntry } from '../logs.js';

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

  /** Where it stands; begins anew, under the epoch, if it has none. */
  look(epoch: string, metaTtlMs: number, now: number): LogTop {
    if (this.#topLapsesAt <= now) {
      this.#top = { epoch, offset: 0, tag: '' };
      this.#entries = [];
    }
    this.#topLapsesAt = now + metaTtlMs;
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
  append(bytes: Buffer, tag: string, { size, ttlMs }: LogLimits, now: number): Buffer {
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
    return frame;
  }

  entries(now: number): readonly PublishedEntry[] {
    return this.#entriesLapseAt > now ? this.#entries : [];
  }
}
