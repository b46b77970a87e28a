import { MemoryLeases } from './memory-leases.js';
import { MemoryLogs } from './memory-logs.js';

/** Gets what is published on the channels that it subscribed to. */
export interface BusSubscriber {
  receive(channel: string, bytes: Buffer): void;
}

/**
 * Carries messages between the memory transports of one process, as a Redis would between
 * processes.
 */
export class MemoryBus {
  readonly leases = new MemoryLeases();
  readonly logs = new MemoryLogs((channel, bytes) => this.publish(channel, bytes));
  readonly #subscribers = new Map<string, Set<BusSubscriber>>();

  subscribe(channel: string, subscriber: BusSubscriber): void {
    const subscribers = this.#subscribers.get(channel);
    if (subscribers) subscribers.add(subscriber);
    else this.#subscribers.set(channel, new Set([subscriber]));
  }

  unsubscribe(channel: string, subscriber: BusSubscriber): void {
    const subscribers = this.#subscribers.get(channel);
    if (!subscribers?.delete(subscriber)) return;
    if (subscribers.size === 0) this.#subscribers.delete(channel);
  }

  /** Answers with how many heard it. */
  publish(channel: string, bytes: Buffer): number {
    const subscribers = this.#subscribers.get(channel);
    if (!subscribers) return 0;
    for (const subscriber of subscribers) subscriber.receive(channel, bytes);
    return subscribers.size;
  }
}

/**
 * The bus of `redis: 'memory'`: all apps of the process meet on it, kept apart by their event keys.
 */
export const processBus = new MemoryBus();
