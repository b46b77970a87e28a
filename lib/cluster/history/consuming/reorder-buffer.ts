import type { PublishedEntry } from '../../../transport/logs.js';

export interface HeldLimits {
  readonly heldEntries: number;
  readonly heldBytes: number;
  /** Of all logs of an instance; beyond it, each holds its newest entry alone. */
  readonly heldBytesOfAll: number;
}

/** The entries that all logs of an instance hold together. */
export interface HeldTotal {
  bytes: number;
}

/**
 * Entries that cannot be judged yet. Where there are too many, all but the newest are let go: the
 * log has them, and the hole before the newest shows that they are missing.
 */
export class ReorderBuffer {
  readonly #limits: HeldLimits;
  readonly #total: HeldTotal;
  #entries: PublishedEntry[] = [];
  #bytes = 0;

  constructor(limits: HeldLimits, total: HeldTotal) {
    this.#limits = limits;
    this.#total = total;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(entry: PublishedEntry): void {
    const { heldEntries, heldBytes, heldBytesOfAll } = this.#limits;
    const bytes = entry.bytes.length;
    const isFull =
      this.#entries.length >= heldEntries ||
      this.#bytes + bytes > heldBytes ||
      this.#total.bytes + bytes > heldBytesOfAll;
    if (isFull) this.clear();
    this.#entries.push(entry);
    this.#bytes += bytes;
    this.#total.bytes += bytes;
  }

  clear(): void {
    this.#entries = [];
    this.#total.bytes -= this.#bytes;
    this.#bytes = 0;
  }

  /** All of them, as they came; then none is held. */
  take(): PublishedEntry[] {
    const taken = this.#entries;
    this.clear();
    return taken;
  }
}
