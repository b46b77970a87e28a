import { BackplaneClosedError } from '../../errors/backplane-closed.error.js';
import type { Transport, TransportEvents } from '../transport.js';
import { type MemoryBus, processBus } from './memory-bus.js';

/**
 * A transport without a Redis, for unit tests and demos: one process, as many apps in it as meet on the bus. Messages
 * arrive in a later turn of the event loop, as they would from a socket.
 */
export class MemoryTransport implements Transport {
  readonly name = 'memory';
  readonly mayRepeat = false;
  readonly #bus: MemoryBus;
  readonly #channels = new Set<string>();
  #events: TransportEvents | undefined;
  #closed = false;

  constructor(bus: MemoryBus = processBus) {
    this.#bus = bus;
  }

  async start(events: TransportEvents): Promise<boolean> {
    this.#events = events;
    events.up();
    return true;
  }

  async publish(channel: string, bytes: Buffer): Promise<void> {
    this.#assertOpen();
    setImmediate(() => this.#bus.publish(channel, bytes));
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    this.#assertOpen();
    for (const channel of channels) {
      this.#channels.add(channel);
      this.#bus.subscribe(channel, this);
    }
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    this.#assertOpen();
    for (const channel of channels) this.#forget(channel);
  }

  restart(): void {
    for (const channel of this.#channels) this.#forget(channel);
    this.#events?.down('restarted');
    this.#events?.up();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const channel of this.#channels) this.#forget(channel);
    this.#events = undefined;
  }

  /** Called by the bus. */
  receive(channel: string, bytes: Buffer): void {
    this.#events?.message(channel, bytes);
  }

  #forget(channel: string): void {
    this.#channels.delete(channel);
    this.#bus.unsubscribe(channel, this);
  }

  #assertOpen(): void {
    if (this.#closed) throw new BackplaneClosedError();
  }
}
