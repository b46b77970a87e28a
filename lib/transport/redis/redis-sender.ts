import { OneWriteATurn } from './one-write-a-turn.js';
import type { RedisClients } from './redis-clients.js';

/**
 * What may be under way to a Redis that does not answer, before messages are refused. The bytes are those of the messages; each
 * takes another 2 KiB or so within the client, so that all of it stays below 80 MiB.
 */
const MAX_IN_FLIGHT_BYTES = 16 * 1024 * 1024;
const MAX_IN_FLIGHT_MESSAGES = 32_768;

/** Refused is everything, from the first message that is, until no more than this part of the limits is under way. */
const ROOM_AGAIN_PART = 0.5;

/**
 * Sends messages over the connection for commands: so many at most, and those of one turn in one write.
 *
 * Whoever sent a message that was refused learns of it some microtasks later, and may have sent smaller ones by then, for which
 * there would be room. They must not get ahead of it, so they are refused, too. (Not behind one of more than half of the limit, which
 * is refused while little is under way: it would hold up all the others.)
 */
export class RedisSender {
  readonly #clients: RedisClients;
  readonly #downReason: () => string | undefined;
  readonly #writes = new OneWriteATurn();
  #inFlightBytes = 0;
  #inFlightMessages = 0;
  #isFull = false;

  /** @param downReason why nothing can be sent for now; undefined while it can */
  constructor(clients: RedisClients, downReason: () => string | undefined) {
    this.#clients = clients;
    this.#downReason = downReason;
  }

  /**
   * Sends a message of so many bytes by the command, unless the connection is down or too much is under way.
   * @param failed makes the error that it rejects with
   */
  send<T>(length: number, command: () => Promise<T>, failed: (error: Error) => Error): Promise<T> {
    const reason = this.#downReason() ?? this.#fullReason(length);
    if (reason !== undefined) return Promise.reject(failed(new Error(reason)));
    // The app's own client is not ours to hold up.
    if (this.#clients.ownsCommands) this.#writes.hold(this.#clients.commands.stream);
    this.#inFlightBytes += length;
    this.#inFlightMessages++;
    const settled = (): void => {
      this.#inFlightBytes -= length;
      this.#inFlightMessages--;
    };
    return command().then(
      (answer) => {
        settled();
        return answer;
      },
      (error: Error) => {
        settled();
        throw failed(error);
      },
    );
  }

  /** What was sent in this turn leaves now. */
  flush(): void {
    this.#writes.release();
  }

  #fullReason(length: number): string | undefined {
    if (this.#isWithin(ROOM_AGAIN_PART)) this.#isFull = false;
    // A message larger than all of the limit may still leave alone.
    if (this.#inFlightMessages === 0) return undefined;
    const fits = this.#isWithin(1, this.#inFlightMessages + 1, this.#inFlightBytes + length);
    if (fits && !this.#isFull) return undefined;
    this.#isFull = true;
    return `it has not answered for the last ${this.#inFlightMessages} messages of ${this.#inFlightBytes} bytes`;
  }

  #isWithin(part: number, messages = this.#inFlightMessages, bytes = this.#inFlightBytes): boolean {
    return messages <= MAX_IN_FLIGHT_MESSAGES * part && bytes <= MAX_IN_FLIGHT_BYTES * part;
  }
}
