import { BackplaneClosedError } from '../../errors/backplane-closed.error.js';
import type { Appended, Logs } from '../logs.js';
import type { Ticket } from '../ticket.js';
import type {
  Capability,
  OutcomeCallbacks,
  Leases,
  Readiness,
  Sending,
  Transport,
  TransportEvents,
} from '../transport.js';
import type { Waits } from '../waits.js';
import { inTurn } from './immediate.js';
import { type MemoryBus, processBus } from './memory-bus.js';
import { MemoryOutgoing } from './memory-outgoing.js';

/**
 * A transport without a Redis, for unit tests and demos: one process, as many apps in it as meet on
 * the bus. As at one Redis, all that they ask takes effect in a later turn of the event loop, in
 * the order in which it was asked.
 */
export class MemoryTransport implements Transport {
  readonly name = 'memory';
  readonly mayRepeat = false;
  readonly logs: Logs = {
    append: async (append, ticket) => {
      this.#assertOpen();
      const act = (): Appended => this.#bus.logs.append(append);
      return this.#outgoing.send(append.bytes.length, act, ticket);
    },
    tops: (channels, lifetimes) => this.#inTurn(() => this.#bus.logs.tops(channels, lifetimes)),
    read: (channel, range, lifetimes) =>
      this.#inTurn(() => this.#bus.logs.read(channel, range, lifetimes)),
    prepare: () => this.#inTurn(() => {}),
    replicationId: () => this.#inTurn(() => this.#bus.logs.replicationId),
  };
  readonly #outgoing = new MemoryOutgoing();
  readonly #bus: MemoryBus;
  readonly #channels = new Set<string>();
  #events: TransportEvents | undefined;
  #closed = false;
  /** Raised by each restart: what was asked before it is lost. */
  #link = 0;

  constructor(bus: MemoryBus = processBus) {
    this.#bus = bus;
  }

  get leases(): Leases {
    this.#assertOpen();
    return this.#bus.leases;
  }

  async start(events: TransportEvents): Promise<boolean> {
    this.#events = events;
    events.up();
    return true;
  }

  async check(): Promise<Capability> {
    return { refusals: [], warnings: [] };
  }

  async publish(channel: string, bytes: Buffer, sending?: Sending): Promise<void> {
    await this.publishAndCount(channel, bytes, sending);
  }

  post(channel: string, bytes: Buffer, ends: OutcomeCallbacks, ticket?: Ticket): void {
    this.publish(channel, bytes, { ticket }).then(
      () => ends.resolve(),
      (error: Error) => ends.reject(error),
    );
  }

  readiness(): Readiness {
    return this.#closed ? 'down' : 'open';
  }

  get waiting(): Waits {
    return this.#outgoing.waiting;
  }

  drain(): Promise<void> {
    return this.#outgoing.drain();
  }

  /**
   * All lanes are one: nothing waits for more than a turn, so there is nothing to overtake, and no
   * limit.
   */
  async publishAndCount(channel: string, bytes: Buffer, { ticket }: Sending = {}): Promise<number> {
    this.#assertOpen();
    return this.#outgoing.send(bytes.length, () => this.#bus.publish(channel, bytes), ticket);
  }

  /** Nothing waits for the end of a turn. */
  flush(): void {}

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#onThisLink(() => {
      for (const channel of channels) {
        this.#channels.add(channel);
        this.#bus.subscribe(channel, this);
      }
    });
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#onThisLink(() => {
      for (const channel of channels) this.#forget(channel);
    });
  }

  restart(): void {
    this.#link++;
    for (const channel of this.#channels) this.#forget(channel);
    this.#events?.down('restarted');
    this.#events?.up();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#outgoing.drain();
    for (const channel of this.#channels) this.#forget(channel);
    this.#events = undefined;
  }

  /** Called by the bus. */
  receive(channel: string, bytes: Buffer): void {
    this.#events?.message(channel, bytes);
  }

  async #inTurn<T>(act: () => T): Promise<T> {
    this.#assertOpen();
    return inTurn(act);
  }

  async #onThisLink(act: () => void): Promise<void> {
    const link = this.#link;
    await this.#inTurn(() => {
      this.#assertOpen();
      if (link !== this.#link) throw new Error('the link was restarted');
      act();
    });
  }

  #forget(channel: string): void {
    this.#channels.delete(channel);
    this.#bus.unsubscribe(channel, this);
  }

  #assertOpen(): void {
    if (this.#closed) throw new BackplaneClosedError();
  }
}
