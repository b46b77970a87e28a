import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import type { Transport, TransportEvents } from '../transport.js';
import { makeClients, type RedisClients } from './redis-clients.js';
import { RedisLink } from './redis-link.js';
import type { RedisSource } from './redis-source.js';

/** How many channels one SUBSCRIBE names. */
const BATCH = 512;

/** What may be under way to a Redis that does not answer, before publishes are refused. */
const MAX_IN_FLIGHT_BYTES = 16 * 1024 * 1024;

const CLOSE_GRACE_MS = 1_000;

/** One Redis, plain pub/sub: a connection for commands and one that only subscribes. */
export class RedisTransport implements Transport {
  readonly name = 'redis';
  readonly mayRepeat: boolean;
  readonly #clients: RedisClients;
  readonly #commands: RedisLink;
  readonly #subscriber: RedisLink;
  readonly #connectTimeoutMs: number;
  #events: TransportEvents | undefined;
  #inFlightBytes = 0;
  #closing: Promise<void> | undefined;

  /** @param connectTimeoutMs how long {@link start} waits for the first attempt to end */
  constructor(source: RedisSource, connectTimeoutMs = 2_000) {
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#clients = makeClients(source);
    const { options } = this.#clients.commands;
    this.mayRepeat =
      options.autoResendUnfulfilledCommands !== false && options.maxRetriesPerRequest !== 0;
    const events = {
      up: () => this.#linkUp(),
      down: (reason: string) => this.#events?.down(reason),
    };
    this.#commands = new RedisLink(this.#clients.commands, events);
    this.#subscriber = new RedisLink(this.#clients.subscriber, events);
    this.#clients.subscriber.on('messageBuffer', this.#onMessage);
  }

  async start(events: TransportEvents): Promise<boolean> {
    this.#events = events;
    const outcomes = await Promise.allSettled([
      this.#commands.open(this.#connectTimeoutMs),
      this.#subscriber.open(this.#connectTimeoutMs),
    ]);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    if (refused) {
      await this.close();
      throw refused.reason;
    }
    const open = outcomes.every((outcome) => outcome.status === 'fulfilled' && outcome.value);
    if (!open) this.#events?.down(this.#reason());
    return open;
  }

  publish(channel: string, bytes: Buffer): Promise<void> {
    const { length } = bytes;
    if (!this.#commands.isUp) return this.#unavailable(this.#reason());
    if (this.#inFlightBytes + length > MAX_IN_FLIGHT_BYTES && this.#inFlightBytes > 0) {
      return this.#unavailable(`it has not answered for the last ${this.#inFlightBytes} bytes`);
    }
    this.#inFlightBytes += length;
    return this.#clients.commands.publish(this.#clients.prefix + channel, bytes).then(
      () => {
        this.#inFlightBytes -= length;
      },
      (error: Error) => {
        this.#inFlightBytes -= length;
        return this.#unavailable(error.message, error);
      },
    );
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#inBatches(channels, (names) => this.#clients.subscriber.subscribe(...names));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#inBatches(channels, (names) => this.#clients.subscriber.unsubscribe(...names));
  }

  restart(): void {
    this.#clients.subscriber.disconnect(true);
    if (this.#clients.ownsCommands) this.#clients.commands.disconnect(true);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#events = undefined;
    this.#clients.subscriber.off('messageBuffer', this.#onMessage);
    if (!this.#clients.ownsCommands) this.#commands.unwatch();
    await Promise.all([
      this.#subscriber.end(CLOSE_GRACE_MS),
      this.#clients.ownsCommands ? this.#commands.end(CLOSE_GRACE_MS) : undefined,
    ]);
  }

  readonly #onMessage = (channel: Buffer, bytes: Buffer): void => {
    const { prefix } = this.#clients;
    const name = channel.toString('utf8');
    if (!name.startsWith(prefix)) return;
    this.#events?.message(name.slice(prefix.length), bytes);
  };

  #linkUp(): void {
    if (this.#commands.isUp && this.#subscriber.isUp) this.#events?.up();
  }

  #reason(): string {
    return this.#commands.isUp ? this.#subscriber.reason : this.#commands.reason;
  }

  /** All batches leave at once, pipelined, in their order. */
  async #inBatches(
    channels: readonly string[],
    send: (names: string[]) => Promise<unknown>,
  ): Promise<void> {
    const { prefix } = this.#clients;
    const sent: Promise<unknown>[] = [];
    for (let from = 0; from < channels.length; from += BATCH) {
      const names = channels.slice(from, from + BATCH);
      sent.push(send(prefix ? names.map((name) => prefix + name) : names));
    }
    await Promise.all(sent);
  }

  #unavailable(reason: string, cause?: Error): Promise<never> {
    const error = new BackplaneUnavailableError(
      `Redis did not take the message: ${reason}. It was not kept for later; send it again if it must arrive.`,
      { cause },
    );
    return Promise.reject(error);
  }
}
