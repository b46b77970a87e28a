/** Tells which messages were seen not long ago, for as long as they may come once more. */
export class RecentMessages {
  readonly #keepMs: number;
  /** Sender and number, to the time when it was seen; the oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** False if it was seen. */
  add(life: string, sequence: number, now: number): boolean {
    const id = `${life}.${sequence}`;
    if (this.#seen.has(id)) return false;
    this.#seen.set(id, now);
    for (const [oldest, seenAt] of this.#seen) {
      if (seenAt >= now - this.#keepMs) break;
      this.#seen.delete(oldest);
    }
    return true;
  }
}
