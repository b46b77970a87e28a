import { type Ticket, type Withdrawable, WithdrawnError } from '../ticket.js';
import { OVERHEAD_BYTES, type Waits } from '../waits.js';
import { inTurn } from './immediate.js';

/** Calls that leave in a later turn of the event loop, in their order. */
export class MemoryOutgoing {
  #messages = 0;
  #bytes = 0;

  get waiting(): Waits {
    return { messages: this.#messages, bytes: this.#bytes };
  }

  /** Does it when its turn has come, unless it was withdrawn until then. */
  async send<T>(length: number, act: () => T, ticket?: Ticket): Promise<T> {
    let isWithdrawn = false;
    const message: Withdrawable = {
      withdraw: () => {
        isWithdrawn = true;
      },
    };
    ticket?.stays(message);
    const size = length + OVERHEAD_BYTES;
    this.#messages++;
    this.#bytes += size;
    return inTurn(() => {
      this.#messages--;
      this.#bytes -= size;
      if (isWithdrawn) throw new WithdrawnError();
      ticket?.leaves(message);
      return act();
    });
  }

  /** Resolves when all that was sent so far has left. */
  drain(): Promise<void> {
    return inTurn(() => {});
  }
}
