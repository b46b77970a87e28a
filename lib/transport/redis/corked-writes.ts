import type { Writable } from 'node:stream';

/** All data that one turn of the event loop sends over a connection leaves in one system call. */
export class CorkedWrites {
  #held: Writable | undefined;
  #end: NodeJS.Immediate | undefined;

  /** Call before something is written in this turn. */
  hold(stream: Writable | undefined): void {
    if (!stream || this.#held === stream) return;
    this.release();
    this.#held = stream;
    stream.cork();
    this.#end = setImmediate(() => this.release());
  }

  /** The held data leaves now. */
  release(): void {
    clearImmediate(this.#end);
    this.#held?.uncork();
    this.#held = undefined;
  }
}
