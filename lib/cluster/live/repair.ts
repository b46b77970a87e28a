import type { LiveCursor } from './live-cursor.js';

/** A request that a sender has not answered yet. */
interface ResendRequest {
  readonly id: number;
  /** The channels that it asks for; none for a digest. */
  readonly cursors: readonly LiveCursor[];
}

/** The messages of one sender that this instance has yet to get. */
export class Repair {
  readonly life: string;
  /** The channels in which something is missing, or waits. */
  readonly holes = new Set<LiveCursor>();
  /** The sender reported that more was lost than can be counted. */
  isUnknown = false;
  readonly begunAt = performance.now();
  /** When the sender last said something that helped. */
  progressAt = this.begunAt;
  #awaySince: number | undefined;
  #after = 0;
  /** Of the numbers up to which the channels were delivered. */
  #delivered = 0;
  #request: (ResendRequest & { readonly at: number }) | undefined;

  constructor(life: string) {
    this.life = life;
  }

  /**
   * Since when anything may have been missed; undefined where the sender has said what there was.
   */
  get awaySince(): number | undefined {
    return this.#awaySince;
  }

  /** Where the rest of the digest begins. */
  get after(): number {
    return this.#after;
  }

  get request(): (ResendRequest & { readonly at: number }) | undefined {
    return this.#request;
  }

  get isDone(): boolean {
    return this.#awaySince === undefined && this.holes.size === 0;
  }

  /** From the beginning: what was asked before is not enough any more. */
  wasAway(since: number): void {
    this.#awaySince = Math.min(since, this.#awaySince ?? since);
    this.#after = 0;
    this.#request = undefined;
  }

  /** Messages that wait for clients to read are progress, too, as they go. */
  look(): void {
    let delivered = 0;
    for (const { number } of this.holes) delivered += number;
    if (delivered !== this.#delivered) this.progressAt = performance.now();
    this.#delivered = delivered;
  }

  asked(request: ResendRequest): void {
    this.#request = { ...request, at: performance.now() };
  }

  /** @param isProgress false: no answer came */
  answered(isProgress = true): void {
    this.#request = undefined;
    if (isProgress) this.progressAt = performance.now();
  }

  /** The sender has reported its messages up to that position; undefined: all of them. */
  digested(next: number | undefined): void {
    if (next !== undefined) this.#after = next;
    else this.#awaySince = undefined;
  }
}
