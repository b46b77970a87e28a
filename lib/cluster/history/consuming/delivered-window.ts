/** An offset of a log and what stands there. */
export interface Mark {
  readonly offset: number;
  readonly tag: string;
}

/**
 * The tags at the newest offsets that were delivered: a chain without holes, on one branch of the
 * log. Never empty.
 */
export class DeliveredWindow {
  readonly #capacity: number;
  readonly #tags: string[];
  #newest: number;

  constructor(start: Mark, capacity: number) {
    this.#capacity = capacity;
    this.#tags = [start.tag];
    this.#newest = start.offset;
  }

  get oldest(): number {
    return this.#newest - this.#tags.length + 1;
  }

  get newest(): number {
    return this.#newest;
  }

  /** Undefined where nothing is remembered (any more). */
  at(offset: number): string | undefined {
    return this.#tags[offset - this.oldest];
  }

  has({ offset, tag }: Mark): boolean {
    return this.at(offset) === tag;
  }

  /** @param mark follows one that is remembered; what else followed that one is forgotten */
  add({ offset, tag }: Mark): void {
    this.#tags.length -= this.#newest - offset + 1;
    this.#tags.push(tag);
    this.#newest = offset;
    if (this.#tags.length > this.#capacity) this.#tags.shift();
  }
}
