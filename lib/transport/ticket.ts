/** A message that waits for its turn to leave. */
export interface Withdrawable {
  /** It does not leave any more; the promise of it rejects. Nothing where it has left. */
  withdraw(): void;
}

/** Why a message that was withdrawn did not leave. */
export class WithdrawnError extends Error {
  constructor() {
    super('it was withdrawn before it left');
  }
}

/**
 * Goes with a message, or with the copies of one: knows whether it has left, and takes it back
 * until then.
 */
export class Ticket {
  readonly #onLeave: (() => void) | undefined;
  #waiting: Set<Withdrawable> | undefined;
  #hasStayed = false;
  #hasLeft = false;

  /** @param onLeave called once, in the moment in which the first copy leaves; must not throw */
  constructor(onLeave?: () => void) {
    this.#onLeave = onLeave;
  }

  /** Whether it is certain that no copy has left: it waits, or was withdrawn or refused. */
  get isHere(): boolean {
    return this.#hasStayed && !this.#hasLeft;
  }

  /** The copies that wait never leave. Answers with {@link isHere}. */
  withdraw(): boolean {
    const waiting = [...(this.#waiting ?? [])];
    this.#waiting = undefined;
    for (const message of waiting) message.withdraw();
    return this.isHere;
  }

  /** For transports: the message waits; or, without one, it was refused before it could leave. */
  stays(message?: Withdrawable): void {
    this.#hasStayed = true;
    if (message) (this.#waiting ??= new Set()).add(message);
  }

  /** For transports: the message leaves, having waited or not. */
  leaves(message?: Withdrawable): void {
    if (message) this.#waiting?.delete(message);
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#onLeave?.();
  }
}
