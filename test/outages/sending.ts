import { type Side, SIDES } from './recording.js';
import type { Party } from './subjects/subject.js';

/** Of both instances together, each in its turn. */
const EVERY_MS = 20;
const TICK_MS = 5;

/**
 * Numbered messages from both instances, at an even rate by the clock, also where the process is
 * late.
 */
export class Sending {
  readonly sent: Record<Side, number[]> = { a: [], b: [] };
  /** Resolves when all have been sent. */
  readonly done: Promise<void>;
  /** What `emit` threw: it must not. */
  thrown = 0;

  readonly #parties: Readonly<Record<Side, Party>>;
  readonly #startedAt = performance.now();
  #count = 0;

  constructor(parties: Readonly<Record<Side, Party>>, forMs: number) {
    this.#parties = parties;
    const total = Math.round(forMs / EVERY_MS);
    this.done = new Promise((resolve) => {
      const timer = setInterval(() => {
        const due = Math.floor((performance.now() - this.#startedAt) / EVERY_MS) + 1;
        while (this.#count < Math.min(due, total)) this.#next();
        if (this.#count < total) return;
        clearInterval(timer);
        resolve();
      }, TICK_MS);
    });
  }

  #next(): void {
    const from = SIDES[this.#count++ % SIDES.length]!;
    const n = this.sent[from].push(performance.now());
    try {
      this.#parties[from].emit({ from, n });
    } catch {
      this.thrown++;
    }
  }
}
