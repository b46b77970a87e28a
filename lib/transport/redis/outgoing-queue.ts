import type { Withdrawable } from '../ticket.js';
import { OVERHEAD_BYTES } from '../waits.js';

/** A message that waits, as an element of a list, so that it can be taken out of the middle. */
export abstract class Waiting implements Withdrawable {
  /** Of the message alone. */
  readonly length: number;
  previous: Waiting | undefined;
  next: Waiting | undefined;
  isQueued = false;

  constructor(length: number) {
    this.length = length;
  }

  abstract withdraw(): void;
}

/**
 * Messages in the order in which they came, and what they take. Nothing of it costs more where
 * there are many.
 */
export class OutgoingQueue<W extends Waiting> {
  #first: W | undefined;
  #last: W | undefined;
  #size = 0;
  #bytes = 0;

  get first(): W | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  /** How much all of them take, the overhead included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The value of {@link bytes} with one more message. */
  bytesWith(length: number): number {
    return this.#bytes + length + OVERHEAD_BYTES;
  }

  push(message: W): void {
    message.isQueued = true;
    message.previous = this.#last;
    if (this.#last) this.#last.next = message;
    else this.#first = message;
    this.#last = message;
    this.#size++;
    this.#bytes = this.bytesWith(message.length);
  }

  /** False if it is in the queue no more. */
  remove(message: W): boolean {
    if (!message.isQueued) return false;
    message.isQueued = false;
    const { previous, next } = message;
    if (previous) previous.next = next;
    else this.#first = next as W | undefined;
    if (next) next.previous = previous;
    else this.#last = previous as W | undefined;
    message.previous = message.next = undefined;
    this.#size--;
    this.#bytes -= message.length + OVERHEAD_BYTES;
    return true;
  }

  /** Takes all of them out; in their order. */
  takeAll(): W[] {
    const all: W[] = [];
    for (let message = this.#first; message; message = this.#first) {
      this.remove(message);
      all.push(message);
    }
    return all;
  }
}
