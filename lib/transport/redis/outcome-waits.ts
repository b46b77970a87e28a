interface Drain {
  /** So many messages must have been answered. */
  readonly settled: number;
  readonly end: () => void;
}

/** Waits until it is known of all messages taken so far what became of them. */
export class OutcomeWaits {
  #taken = 0;
  #settled = 0;
  #drains: Drain[] = [];

  get isSettled(): boolean {
    return this.#settled >= this.#taken;
  }

  /** A message was taken. */
  take(): void {
    this.#taken++;
  }

  /** Of so many messages more it is known. */
  settle(count = 1): void {
    this.#settled += count;
    if (this.#drains.length === 0) return;
    const ended = this.#drains.filter(({ settled }) => settled <= this.#settled);
    if (ended.length === 0) return;
    this.#drains = this.#drains.filter((drain) => !ended.includes(drain));
    for (const { end } of ended) end();
  }

  /** Nobody waits any more. */
  endAll(): void {
    for (const { end } of this.#drains.splice(0)) end();
  }

  /**
   * Resolves when it is known of all that were taken so far, or when the others are given up.
   * @param onTimeout called when the time is over; must not throw
   */
  async wait(timeoutMs: number, onTimeout: () => void): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        onTimeout();
        this.endAll();
      }, timeoutMs);
      const end = (): void => {
        clearTimeout(timer);
        // The sender of the message that was answered last learns of it before.
        setImmediate(resolve);
      };
      this.#drains.push({ settled: this.#taken, end });
    });
  }
}
