/** After so many requests in a row. */
const SILENT_AFTER = 2;

/**
 * Instances that do not answer while nobody can tell whether they live: to wait for one with each
 * request would cost each its time-out.
 */
export class UnansweredRequests {
  /** By instance, how many requests in a row. */
  readonly #counts = new Map<string, number>();

  /** These instances did not answer a request by its deadline. */
  missed(ids: Iterable<string>): void {
    for (const id of ids) this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
  }

  /** Something of the instance has arrived. */
  heard(id: string): void {
    this.#counts.delete(id);
  }

  isSilent(id: string): boolean {
    return (this.#counts.get(id) ?? 0) >= SILENT_AFTER;
  }

  clear(): void {
    this.#counts.clear();
  }
}
