/** Taken from the front of a list, which moves up only now and then: thousands may wait. */
const MOVE_UP_AFTER = 1_024;

/** Runs so many at once; the others wait, in their order. */
export class Limit {
  #free: number;
  #waiting: (() => void)[] = [];
  #first = 0;

  constructor(max: number) {
    this.#free = max;
  }

  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = this.#takeNext();
      if (next) next();
      else this.#free++;
    }
  }

  #takeNext(): (() => void) | undefined {
    const next = this.#waiting[this.#first];
    if (!next) return undefined;
    this.#first++;
    if (this.#first >= MOVE_UP_AFTER && this.#first * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return next;
  }
}
