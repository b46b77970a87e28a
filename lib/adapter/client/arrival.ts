import type { RawData } from 'ws';

import { byteLengthOf } from '../write/byte-length.js';
import type { ConnectionGate } from '../upgrade/connection-gate.js';

/**
 * So many messages wait for a slow `handleConnection` in memory; more wait in the client's socket.
 */
const MAX_HELD = 64;
const MAX_HELD_BYTES = 256 * 1024;
/**
 * So many where `handleConnection` waits for an answer of the client, which may stand behind them.
 */
const MAX_HELD_BEFORE_ANSWER = 1_024;
const MAX_HELD_BYTES_BEFORE_ANSWER = 1024 * 1024;

export interface HeldMessage {
  readonly data: RawData;
  readonly binary: boolean;
}

/**
 * A client that is not admitted yet: the hooks that it waits for, and the messages that it has sent
 * so far.
 */
export class Arrival {
  readonly gate: ConnectionGate;
  /** Set when the client has gone: tells its gateways. */
  leave: (() => void) | undefined;
  /** To be called once it waits no longer. */
  end: (() => void) | undefined;
  /** The client's socket is not read now, as enough is held. */
  isPaused = false;
  readonly #held: HeldMessage[] = [];
  #heldBytes = 0;

  constructor(gate: ConnectionGate) {
    this.gate = gate;
  }

  get held(): readonly HeldMessage[] {
    return this.#held;
  }

  hold(data: RawData, binary: boolean): void {
    this.#held.push({ data, binary });
    this.#heldBytes += byteLengthOf(data);
  }

  /** @param awaitsAnswer the client was asked something, and has not answered */
  isFull(awaitsAnswer: boolean): boolean {
    const [max, maxBytes] = awaitsAnswer
      ? [MAX_HELD_BEFORE_ANSWER, MAX_HELD_BYTES_BEFORE_ANSWER]
      : [MAX_HELD, MAX_HELD_BYTES];
    return this.#held.length >= max || this.#heldBytes >= maxBytes;
  }
}
