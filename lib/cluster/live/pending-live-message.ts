import type { OutcomeCallbacks } from '../../transport/transport.js';

/** Called with the outcome of a message. */
export interface LiveOutcomeCallbacks {
  /** All its channels have it. @param at where it stands in the list */
  left(at: number, bytes: number): void;
  /** One of them has not. Called once. */
  failed(at: number, bytes: number, error: Error): void;
}

/** A message under way to its channels. */
export class PendingLiveMessage implements OutcomeCallbacks {
  readonly #at: number;
  readonly #bytes: number;
  readonly #ends: LiveOutcomeCallbacks;
  /** The channels that are still to answer; below 0 where one has refused. */
  #unanswered: number;

  constructor(at: number, bytes: number, channels: number, ends: LiveOutcomeCallbacks) {
    this.#at = at;
    this.#bytes = bytes;
    this.#unanswered = channels;
    this.#ends = ends;
  }

  resolve(): void {
    if (--this.#unanswered === 0) this.#ends.left(this.#at, this.#bytes);
  }

  reject(error: Error): void {
    if (this.#unanswered < 0) return;
    this.#unanswered = -1;
    this.#ends.failed(this.#at, this.#bytes, error);
  }
}
