import { OneWriteATurn } from './one-write-a-turn.js';
import type { RedisClients } from './redis-clients.js';

/**
 * What may be under way to a Redis that does not answer, before messages are refused. The bytes are those of the messages; each
 * takes another 2 KiB or so within the client, so that all of it stays below 80 MiB.
 */
const MAX_IN_FLIGHT_BYTES = 16 * 1024 * 1024;
const MAX_IN_FLIGHT_MESSAGES = 32_768;

/** Sends messages over the connection for commands: so many at most, and those of one turn in one write. */
export class RedisSender {
  readonly #clients: RedisClients;
  readonly #downReason: () => string | undefined;
  readonly #writes = new OneWriteATurn();
  #inFlightBytes = 0;
  #inFlightMessages = 0;

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

  /** A message larger than all of the limit may still leave alone. */
  #fullReason(length: number): string | undefined {
    if (this.#inFlightMessages === 0) return undefined;
    if (
      this.#inFlightMessages < MAX_IN_FLIGHT_MESSAGES &&
      this.#inFlightBytes + length <= MAX_IN_FLIGHT_BYTES
    ) {
      return undefined;
    }
    return `it has not answered for the last ${this.#inFlightMessages} messages of ${this.#inFlightBytes} bytes`;
  }
}
