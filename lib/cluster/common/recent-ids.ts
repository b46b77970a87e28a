/**
 * Tells whether an id was seen before, among the last so many. Memory is bounded whatever arrives.
 */
export class RecentIds {
  readonly #seen = new Set<string>();
  readonly #capacity: number;
  readonly #ring: string[] = [];
  #next = 0;

  /**
   * @param capacity default: twice what a transport may have under way when its link is cut, and
   * then send again
   */
  constructor(capacity = 65_536) {
    this.#capacity = capacity;
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
    this.#next = (this.#next + 1) % this.#capacity;
    this.#seen.add(id);
    return true;
  }
}
