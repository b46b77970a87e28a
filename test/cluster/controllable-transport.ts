import { MemoryBus } from '../../lib/transport/memory/memory-bus.js';
import { MemoryTransport } from '../../lib/transport/memory/memory.transport.js';
import type { Logs } from '../../lib/transport/logs.js';
import type {
  Capability,
  OutcomeCallbacks,
  Leases,
  Need,
  Readiness,
  Sending,
  Transport,
  TransportEvents,
} from '../../lib/transport/transport.js';
import type { Ticket } from '../../lib/transport/ticket.js';
import type { Waits } from '../../lib/transport/waits.js';

/**
 * A transport within the process that fails as it is told to. Until then it does all that the port
 * asks for.
 */
export class ControllableTransport implements Transport {
  readonly name = 'controllable';
  readonly mayRepeat = false;
  /** What was asked of it, as `subscribe a b`, in order. */
  readonly calls: string[] = [];
  /** What it is subscribed to, as far as the other side knows. */
  readonly subscribed = new Set<string>();
  restarts = 0;
  readonly logs: Logs = {
    append: (append, ticket) => this.working((logs) => logs.append(append, ticket)),
    tops: (channels, lifetimes) => this.working((logs) => logs.tops(channels, lifetimes)),
    read: (channel, range, lifetimes) =>
      this.working((logs) => logs.read(channel, range, lifetimes)),
    prepare: (channels) => this.working((logs) => logs.prepare(channels)),
    replicationId: () => this.working((logs) => logs.replicationId()),
  };
  /** Takes messages, and brings none. */
  deaf = false;
  /** Refuses what it is asked, although it is up. */
  refuses: Error | undefined;
  /** What a check finds. */
  capability: Capability = { refusals: [], warnings: [] };
  /** The needs of each check. */
  readonly checks: (readonly Need[])[] = [];
  /** Rejects the start. */
  misconfigured: Error | undefined;
  private readonly inner: MemoryTransport;
  private events: TransportEvents | undefined;
  private closed = false;

  /** @param isUp false: it cannot be reached when it starts */
  constructor(
    private isUp = true,
    bus = new MemoryBus(),
  ) {
    this.inner = new MemoryTransport(bus);
  }

  get leases(): Leases {
    return this.inner.leases;
  }

  async start(events: TransportEvents): Promise<boolean> {
    if (this.misconfigured) throw this.misconfigured;
    this.events = events;
    await this.inner.start({
      message: (channel, bytes) => {
        if (!this.deaf && this.isUp) events.message(channel, bytes);
      },
      up: () => {},
      down: () => {},
    });
    if (this.isUp) events.up();
    else events.down('nobody there');
    return this.isUp;
  }

  readiness(): Readiness {
    return this.isUp ? 'open' : 'down';
  }

  async check(needs: readonly Need[]): Promise<Capability> {
    this.checks.push(needs);
    return this.capability;
  }

  flush(): void {}

  async publish(channel: string, bytes: Buffer, sending?: Sending): Promise<void> {
    await this.publishAndCount(channel, bytes, sending);
  }

  post(channel: string, bytes: Buffer, ends: OutcomeCallbacks, ticket?: Ticket): void {
    this.publish(channel, bytes, { ticket }).then(
      () => ends.resolve(),
      (error: Error) => ends.reject(error),
    );
  }

  async publishAndCount(
    channel: string,
    bytes: Buffer,
    sending?: Sending,
  ): Promise<number | undefined> {
    this.assertWorking();
    return this.inner.publishAndCount(channel, bytes, sending);
  }

  get waiting(): Waits {
    return this.inner.waiting;
  }

  drain(): Promise<void> {
    return this.inner.drain();
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    this.calls.push(['subscribe', ...channels].join(' '));
    this.assertWorking();
    await this.inner.subscribe(channels);
    for (const channel of channels) this.subscribed.add(channel);
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    this.calls.push(['unsubscribe', ...channels].join(' '));
    this.assertWorking();
    await this.inner.unsubscribe(channels);
    for (const channel of channels) this.subscribed.delete(channel);
  }

  restart(): void {
    if (this.closed) return;
    this.restarts++;
    this.goDown('restarted');
    this.comeUp();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.events = undefined;
    await this.inner.close();
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** The connection is lost, and with it what the other side knew of it. */
  goDown(reason = 'cut'): void {
    this.isUp = false;
    this.inner.restart();
    this.subscribed.clear();
    this.events?.down(reason);
  }

  comeUp(): void {
    this.isUp = true;
    this.events?.up();
  }

  private async working<T>(ask: (logs: Logs) => Promise<T>): Promise<T> {
    this.assertWorking();
    return ask(this.inner.logs);
  }

  private assertWorking(): void {
    if (this.refuses) throw this.refuses;
    if (!this.isUp) throw new Error('down');
  }
}
