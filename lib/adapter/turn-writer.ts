import type { Duplex } from 'node:stream';

/**
 * What one turn of the event loop writes to a socket leaves in one system call: a socket is corked at its first write of a
 * turn, and uncorked with all others at the turn's end.
 */
export class TurnWriter {
  readonly #corked: Duplex[] = [];
  #turn = 1;
  #begun = false;

  /** Another number each turn in which something is written. */
  get turn(): number {
    return this.#turn;
  }

  /** Something is about to be written; to a socket, if one is given, that is not corked by this turn yet. */
  begin(socket: Duplex | undefined): void {
    if (socket) {
      socket.cork();
      this.#corked.push(socket);
    }
    if (this.#begun) return;
    this.#begun = true;
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    this.#begun = false;
    this.#turn++;
    for (const socket of this.#corked.splice(0)) socket.uncork();
  };
}
