import type { Duplex } from 'node:stream';

/**
 * One turn of the event loop, as far as writing goes: what it has for a socket leaves in one system
 * call. Sockets are corked at their first write and uncorked when the turn ends, after those who
 * want to write at its end have done so.
 */
export class FlushScheduler {
  readonly #beforeEnd: () => void;
  readonly #corked: Duplex[] = [];
  readonly #atEnd: (() => void)[] = [];
  #number = 1;
  #begun = false;

  /**
   * @param beforeEnd called when a turn ends in which something is written, before any of it is;
   * must not throw
   */
  constructor(beforeEnd: () => void = () => {}) {
    this.#beforeEnd = beforeEnd;
  }

  /** Another one each turn in which something is written. */
  get number(): number {
    return this.#number;
  }

  /** Something is written in this turn. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    setImmediate(this.#end);
  }

  /** Holds what is written to the socket until the turn ends. Once a turn and socket. */
  cork(socket: Duplex): void {
    this.begin();
    socket.cork();
    this.#corked.push(socket);
  }

  /** Calls back once, when the turn ends. */
  atEnd(write: () => void): void {
    this.begin();
    this.#atEnd.push(write);
  }

  readonly #end = (): void => {
    try {
      this.#beforeEnd();
      for (const write of this.#atEnd.splice(0)) write();
    } finally {
      this.#begun = false;
      this.#number++;
      for (const socket of this.#corked.splice(0)) socket.uncork();
      // A socket that could not take all of it goes on in the next turn.
      if (this.#atEnd.length > 0) this.begin();
    }
  };
}
