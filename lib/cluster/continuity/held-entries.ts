import type { PublishedEntry } from '../../transport/logs.js';

export interface HeldLimits {
  readonly heldEntries: number;
  readonly heldBytes: number;
}

/**
 * Entries that cannot be judged yet. Where there are too many, all but the newest are let go: the log has them, and the hole
 * before the newest shows that they are missing.
 */
export class HeldEntries {
  readonly #limits: HeldLimits;
  #entries: PublishedEntry[] = [];
  #bytes = 0;

  constructor(limits: HeldLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(entry: PublishedEntry): void {
    const { heldEntries, heldBytes } = this.#limits;
    const bytes = entry.bytes.length;
    if (this.#entries.length >= heldEntries || this.#bytes + bytes > heldBytes) this.clear();
    this.#entries.push(entry);
    this.#bytes += bytes;
  }

  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
  }

  /** All of them, as they came; then none is held. */
  take(): PublishedEntry[] {
    const taken = this.#entries;
    this.clear();
    return taken;
  }
}
