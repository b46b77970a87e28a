import type { Ticket } from '../ticket.js';
import type { OutcomeCallbacks } from '../transport.js';
import { Waiting } from './outgoing-queue.js';
import type { Outgoing } from './outgoing.js';

/** A message that waits for its turn. */
export class WaitingMessage extends Waiting {
  constructor(
    readonly outgoing: Outgoing<unknown>,
    readonly ticket: Ticket | undefined,
    readonly ends: OutcomeCallbacks<unknown>,
    private readonly withdrawn: (message: WaitingMessage) => void,
  ) {
    super(outgoing.length);
  }

  withdraw(): void {
    this.withdrawn(this);
  }
}
