import { newInstanceId } from '../wire/instance-id.js';

/**
 * The ids under which this instance is known. One that finds its lease lapsed takes a new id and
 * keeps it: to the others the old one has died. Its connections keep the ids that they were given,
 * so the old id remains its own, too.
 */
export class Identity {
  /**
   * The first id, which always stays this instance's own: the live messages that it sends are
   * numbered under it.
   */
  readonly life = newInstanceId();
  #current = this.life;
  /** Former id to the time when it was given up. */
  readonly #former = new Map<string, number>();

  get current(): string {
    return this.#current;
  }

  get former(): readonly string[] {
    return [...this.#former.keys()];
  }

  isOwn(instanceId: string | undefined): boolean {
    return (
      instanceId === this.#current || (instanceId !== undefined && this.#former.has(instanceId))
    );
  }

  /** Takes a new id, and answers with it. */
  change(): string {
    this.#former.set(this.#current, performance.now());
    this.#current = newInstanceId();
    return this.#current;
  }

  /**
   * Forgets the former ids that were given up so long ago and are not needed; answers with them.
   */
  retire(afterMs: number, isNeeded: (id: string) => boolean): string[] {
    const before = performance.now() - afterMs;
    const retired = [...this.#former].filter(
      ([id, since]) => since <= before && id !== this.life && !isNeeded(id),
    );
    for (const [id] of retired) this.#former.delete(id);
    return retired.map(([id]) => id);
  }
}
