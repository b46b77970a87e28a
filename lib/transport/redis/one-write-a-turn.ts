import type { Writable } from 'node:stream';

/** What one turn of the event loop sends over a connection leaves in one system call. */
export class OneWriteATurn {
  #held: Writable | undefined;

  /** Call before something is written in this turn. */
  hold(stream: Writable | undefined): void {
    if (!stream || this.#held === stream) return;
    this.#held = stream;
    stream.cork();
    setImmediate(() => {
      this.#held = undefined;
      stream.uncork();
    });
  }
}
