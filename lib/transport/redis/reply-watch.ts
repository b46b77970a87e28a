import { Deadline } from '../../timing/deadline.js';

/** The least that is waited for once more, after an answer has shown that Redis is there. */
const LEAST_PART_OF_TIME = 0.25;

/**
 * Notices that Redis answers nothing any more although answers are waited for. Each answer is a
 * sign of life for all, so it does not matter how long one takes while others come.
 */
export class ReplyWatch {
  readonly #timeoutMs: number;
  readonly #onSilent: () => void;
  #awaited = 0;
  /** The last answer, or the first question after a time in which nothing was waited for. */
  #signAt = 0;
  #isSilent = false;
  /** Outlives what it was begun for: most messages are answered long before. */
  #deadline: Deadline | undefined;

  /**
   * @param onSilent called when nothing has been answered for the time, once until something is;
   * must not throw
   */
  constructor(timeoutMs: number, onSilent: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onSilent = onSilent;
  }

  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** One more answer is waited for. */
  asked(): void {
    if (this.#awaited++ > 0) return;
    this.#signAt = performance.now();
    this.#deadline ??= new Deadline(this.#timeoutMs, this.#look);
  }

  /** An answer has come, or will not come any more. */
  answered(): void {
    this.#awaited--;
    this.#signAt = performance.now();
    if (!this.#isSilent) return;
    this.#isSilent = false;
    if (this.#awaited > 0) this.#deadline = new Deadline(this.#timeoutMs, this.#look);
  }

  close(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  readonly #look = (): void => {
    this.#deadline = undefined;
    if (this.#awaited === 0) return;
    const leftMs = this.#signAt + this.#timeoutMs - performance.now();
    if (leftMs > 1) {
      const ms = Math.max(leftMs, this.#timeoutMs * LEAST_PART_OF_TIME);
      this.#deadline = new Deadline(ms, this.#look);
      return;
    }
    this.#isSilent = true;
    this.#onSilent();
  };
}
