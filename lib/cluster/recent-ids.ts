/** Tells whether an id was seen before, among the last so many. Memory is bounded whatever arrives. */
export class RecentIds {
  readonly #seen = new Set<string>();
  readonly #ring: string[];
  #next = 0;

  constructor(capacity = 4_096) {
    this.#ring = Array.from({ length: capacity });
  }

  has(id: string): boolean {
    return this.#seen.has(id);
  }

  /** True if the id is new. */
  add(id: string): boolean {
    if (this.#seen.has(id)) return false;
    const oldest = this.#ring[this.#next];
    if (oldest !== undefined) this.#seen.delete(oldest);
    this.#ring[this.#next] = id;
    this.#next = (this.#next + 1) % this.#ring.length;
    this.#seen.add(id);
    return true;
  }
}
