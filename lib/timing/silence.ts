import { Deadline } from './deadline.js';

/**
 * Waits for many answers of one other side, with one deadline for all: they may be slow to come,
 * one behind the other, as long as some of them come. When none does for so long, the other side is
 * silent, and all waits end.
 */
export class Silence {
  readonly #ms: number;
  readonly #late: () => Error;
  readonly #waits = new Set<(error: Error) => void>();
  #deadline: Deadline | undefined;

  /** @param late makes the error that waits are rejected with; must not throw */
  constructor(ms: number, late: () => Error) {
    this.#ms = ms;
    this.#late = late;
  }

  /**
   * Settles as the answer does, or rejects when the other side is silent, or by {@link end}. The
   * answer itself goes on.
   */
  wait<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waits.add(reject);
      this.#deadline ??= new Deadline(this.#ms, () => this.end(this.#late()));
      const settled = (): void => {
        if (!this.#waits.delete(reject)) return;
        if (this.#waits.size === 0) this.#stop();
        else this.heard();
      };
      answer.finally(settled).then(resolve, reject);
    });
  }

  /** A sign of life: all that wait have all of their time again. */
  heard(): void {
    this.#deadline?.restart();
  }

  /** OutcomeCallbacks all waits. */
  end(error: Error): void {
    this.#stop();
    const waits = [...this.#waits];
    this.#waits.clear();
    for (const reject of waits) reject(error);
  }

  #stop(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }
}
