import { GRANT_BYTES, MAX_TO_COME_BYTES, PART_BYTES, WINDOW_BYTES } from './answer-bounds.js';

/** Tells the answering instance which parts have come, and how many bytes of its answer may. */
export type Allow = (taken: number, allowedBytes: number) => void;

/**
 * How much this instance lets the others send of their answers: so much at a time, all requests and
 * instances together, in turns. So its connection to Redis never has much more to read than that.
 */
export class AnswerWindow {
  #roomBytes: number;
  /** In the order of their turns. */
  readonly #hungry = new Set<AnswerFlow>();

  constructor(windowBytes = WINDOW_BYTES) {
    this.#roomBytes = windowBytes;
  }

  /** @param firstBytes what the instance may send without being allowed to */
  open(firstBytes: number, allow: Allow): AnswerFlow {
    return new AnswerFlow(this, firstBytes, allow);
  }

  /** The bytes that a flow has to come have changed by so much. */
  use(bytes: number): void {
    this.#roomBytes -= bytes;
  }

  wants(flow: AnswerFlow): void {
    this.#hungry.add(flow);
    this.share();
  }

  forget(flow: AnswerFlow): void {
    this.#hungry.delete(flow);
  }

  share(): void {
    for (const flow of this.#hungry) {
      const wanted = Math.min(flow.wantedBytes, GRANT_BYTES);
      // Many small parts would cost more than they bring.
      if (this.#roomBytes < Math.min(wanted, PART_BYTES)) return;
      this.#hungry.delete(flow);
      flow.grant(Math.min(wanted, this.#roomBytes));
      if (flow.isHungry) this.#hungry.add(flow);
    }
  }
}

/** One instance's answer to one request. */
export class AnswerFlow {
  readonly #window: AnswerWindow;
  readonly #firstBytes: number;
  readonly #allow: Allow;
  #allowedBytes: number;
  #arrivedBytes = 0;
  #taken = 0;
  #moreBytes = 0;
  #closed = false;

  constructor(window: AnswerWindow, firstBytes: number, allow: Allow) {
    this.#window = window;
    this.#firstBytes = firstBytes;
    this.#allowedBytes = firstBytes;
    this.#allow = allow;
  }

  get taken(): number {
    return this.#taken;
  }

  get allowedBytes(): number {
    return this.#allowedBytes;
  }

  /** The bytes that wait at the instance, are not allowed yet, and may be. */
  get wantedBytes(): number {
    const allowed = Math.max(0, this.#allowedBytes - this.#arrivedBytes);
    const wanted = Math.max(0, this.#moreBytes - allowed);
    return Math.min(wanted, Math.max(0, MAX_TO_COME_BYTES - this.#toCome()));
  }

  /** It wants enough for it to be worth a message, or all that there is. */
  get isHungry(): boolean {
    const { wantedBytes } = this;
    if (wantedBytes === 0) return false;
    return wantedBytes >= PART_BYTES || this.#toCome() + PART_BYTES <= MAX_TO_COME_BYTES;
  }

  /** The next part, behind which so much waits. */
  arrived(bytes: number, moreBytes: number): void {
    if (this.#closed) return;
    const before = this.#toCome();
    this.#taken++;
    this.#arrivedBytes += bytes;
    this.#moreBytes = moreBytes;
    this.#window.use(this.#toCome() - before);
    if (this.isHungry) this.#window.wants(this);
    else this.#window.share();
  }

  grant(bytes: number): void {
    const before = this.#toCome();
    this.#allowedBytes += bytes;
    this.#window.use(this.#toCome() - before);
    this.#allow(this.#taken, this.#allowedBytes);
  }

  /**
   * Nothing of it is waited for. Answers with whether the instance keeps something of it that is to
   * be forgotten.
   */
  close(): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    this.#window.forget(this);
    this.#window.use(-this.#toCome());
    this.#window.share();
    return this.#moreBytes > 0 || this.#allowedBytes > this.#firstBytes;
  }

  /** The bytes that were allowed and have not come; the first bytes are not of the window. */
  #toCome(): number {
    return Math.max(0, this.#allowedBytes - Math.max(this.#arrivedBytes, this.#firstBytes));
  }
}
