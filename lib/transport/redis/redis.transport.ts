import { BackplaneConfigError } from '../../errors/backplane-config.error.js';
import type { Ticket } from '../ticket.js';
import type {
  Capability,
  OutcomeCallbacks,
  Need,
  Readiness,
  Sending,
  Transport,
  TransportEvents,
} from '../transport.js';
import type { Waits } from '../waits.js';
import { Limit } from './limit.js';
import { RedisChecks } from './redis-checks.js';
import { Publication } from './publication.js';
import { makeClients, type RedisClients } from './redis-clients.js';
import { RedisLeases } from './redis-leases.js';
import { RedisClientWatch } from './redis-client-watch.js';
import { RedisLogs } from './redis-logs.js';
import { RedisSender } from './redis-sender.js';
import type { RedisSource } from './redis-source.js';
import { RedisServerGate } from './redis-server-gate.js';
import { lookAtServer } from './server-look.js';
import { FormerConnections } from './former-connections.js';
import { unansweredReason } from './unanswered-reason.js';

/** How many channels one SUBSCRIBE names. */
const BATCH = 512;
/**
 * Redis serves nobody else while it works off what one connection has sent: tens of thousands of
 * channels at once take it long.
 */
const BATCHES_AT_ONCE = 2;

const CLOSE_GRACE_MS = 1_000;
/** Waiting messages still have so long to leave when the transport is closed. */
const CLOSE_DRAIN_MS = 5_000;

const DEFAULT_CONNECT_TIMEOUT_MS = 2_000;

/** An address that leads to nothing but a replica must not cost the subscriptions over and over. */
const LEAVE_REPLICA_EVERY_MS = 5_000;

export interface RedisTransportOptions {
  /** How long {@link RedisTransport.start} waits for the first attempt to end. Default 2,000. */
  readonly connectTimeoutMs?: number;
  /** A Redis that answers nothing for so long is sent nothing more until it does. Default 2,000. */
  readonly answerTimeoutMs?: number;
  /** Limit for waiting messages: their bytes and 512 for each. Default 64 MiB. */
  readonly bufferBytes?: number;
}

/** One Redis, plain pub/sub: a connection for commands and one that only subscribes. */
export class RedisTransport implements Transport {
  readonly name = 'redis';
  readonly mayRepeat: boolean;
  readonly leases: RedisLeases;
  readonly logs: RedisLogs;
  readonly #clients: RedisClients;
  readonly #commands: RedisClientWatch;
  readonly #subscriber: RedisClientWatch;
  readonly #sender: RedisSender;
  readonly #gate: RedisServerGate;
  readonly #checks: RedisChecks;
  readonly #connectTimeoutMs: number;
  readonly #batches = new Limit(BATCHES_AT_ONCE);
  #events: TransportEvents | undefined;
  #checkChannels: readonly string[] = [];
  #started = false;
  #leftReplicaAt = -Infinity;
  #closing: Promise<void> | undefined;

  constructor(source: RedisSource, options: RedisTransportOptions = {}) {
    this.#connectTimeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
    this.#clients = makeClients(source);
    const ofClient = this.#clients.commands.options;
    this.mayRepeat =
      ofClient.autoResendUnfulfilledCommands !== false && ofClient.maxRetriesPerRequest !== 0;
    const events = {
      up: () => this.#linkUp(),
      down: (reason: string, refused: boolean) => {
        // At the start, a refusal is its outcome, which is reported there.
        if (this.#started || !refused) this.#events?.down(reason, refused);
      },
    };
    this.#gate = this.#makeGate();
    const former = new FormerConnections(this.#clients.commands);
    const ofCommands = {
      up: () => {
        // A client of the app's sends again by itself, or has others of its own under way.
        if (this.#clients.ownsCommands) former.replace();
        this.#gate.connected();
      },
      down: (reason: string, refused: boolean) => {
        this.#gate.lost();
        this.#sender.lost(reason);
        events.down(reason, refused);
      },
    };
    this.#commands = new RedisClientWatch(
      this.#clients.commands,
      ofCommands,
      this.#clients.ownsCommands,
    );
    this.#subscriber = new RedisClientWatch(this.#clients.subscriber, events, true);
    this.#clients.subscriber.on('messageBuffer', this.#onMessage);
    this.#checks = new RedisChecks(this.#clients);
    const downReason = (): string | undefined => this.#commands.downReason ?? this.#gate.reason;
    this.leases = new RedisLeases({
      client: this.#clients.commands,
      // A client of the app's adds its prefix to keys by itself.
      prefix: this.#clients.ownsCommands ? this.#clients.prefix : '',
      downReason,
      onReadOnly: () => this.#leaveReplica(),
    });
    const onSilent = (reason: string): void => this.#events?.silent?.(reason);
    this.#sender = new RedisSender({ ...options, clients: this.#clients, downReason, onSilent });
    this.logs = new RedisLogs({
      clients: this.#clients,
      sender: this.#sender,
      downReason,
      onReadOnly: () => this.#leaveReplica(),
    });
  }

  async start(events: TransportEvents, checkChannels: readonly string[] = []): Promise<boolean> {
    this.#events = events;
    this.#checkChannels = checkChannels;
    const outcomes = await Promise.allSettled([
      this.#commands.open(this.#connectTimeoutMs),
      this.#subscriber.open(this.#connectTimeoutMs),
    ]);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    if (refused) {
      await this.close();
      throw refused.reason;
    }
    if (this.#commands.isUp) await this.#gate.settled();
    if (this.#gate.isMisfit) {
      const reason = this.#gate.reason!;
      await this.close();
      throw new BackplaneConfigError(`Redis cannot be used: ${reason}.`);
    }
    this.#started = true;
    // Not how the attempts ended: one that failed may have been made good while the other was under
    // way, and `up` said so.
    const open = this.#isOpen;
    if (!open) this.#events?.down(this.#reason());
    return open;
  }

  async check(needs: readonly Need[]): Promise<Capability> {
    const refusals = await this.#checks.run(needs, this.#checkChannels).catch(() => []);
    return { refusals, warnings: this.#gate.warnings };
  }

  publish(channel: string, bytes: Buffer, sending?: Sending): Promise<void> {
    const publication = new Publication(this.#clients, channel, bytes, false);
    return this.#sender.send(publication, sending) as Promise<unknown> as Promise<void>;
  }

  post(channel: string, bytes: Buffer, ends: OutcomeCallbacks, ticket?: Ticket): void {
    const publication = new Publication(this.#clients, channel, bytes, false);
    this.#sender.post<unknown>(publication, ends, ticket && { ticket });
  }

  /** A node of a Redis Cluster knows its own subscribers only: too few is no harm. */
  publishAndCount(channel: string, bytes: Buffer, sending?: Sending): Promise<number> {
    return this.#sender.send(new Publication(this.#clients, channel, bytes, true), sending);
  }

  readiness(length: number): Readiness {
    return this.#sender.readiness(length);
  }

  get waiting(): Waits {
    return this.#sender.waiting;
  }

  drain(timeoutMs: number): Promise<void> {
    return this.#sender.drain(timeoutMs);
  }

  flush(): void {
    this.#sender.flush();
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#inBatches(channels, (names) => this.#clients.subscriber.subscribe(...names));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#inBatches(channels, (names) => this.#clients.subscriber.unsubscribe(...names));
  }

  restart(): void {
    this.#subscriber.renew();
    this.#commands.renew();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#events = undefined;
    await this.#sender.drain(CLOSE_DRAIN_MS);
    this.#gate.lost();
    this.logs.close();
    this.#clients.subscriber.off('messageBuffer', this.#onMessage);
    if (!this.#clients.ownsCommands) this.#commands.unwatch();
    await Promise.all([
      this.#subscriber.end(CLOSE_GRACE_MS),
      this.#clients.ownsCommands ? this.#commands.end(CLOSE_GRACE_MS) : undefined,
    ]);
    this.#sender.close();
  }

  readonly #onMessage = (channel: Buffer, bytes: Buffer): void => {
    const { prefix } = this.#clients;
    const name = channel.toString('utf8');
    if (!name.startsWith(prefix)) return;
    this.#events?.message(name.slice(prefix.length), bytes);
  };

  #leaveReplica(): void {
    const now = performance.now();
    if (now - this.#leftReplicaAt < LEAVE_REPLICA_EVERY_MS) return;
    this.#leftReplicaAt = now;
    this.restart();
  }

  #makeGate(): RedisServerGate {
    const { commands, ownsCommands, prefix } = this.#clients;
    return new RedisServerGate({
      look: () => {
        const [channel = 'check'] = this.#checkChannels;
        return lookAtServer(commands, ownsCommands ? prefix + channel : channel);
      },
      timeoutMs: this.#connectTimeoutMs,
      opened: () => this.#linkUp(),
      shut: (reason) => {
        // At the start, this is its outcome, which is reported there.
        if (this.#started) this.#events?.down(reason, true);
      },
      stillShut: () => this.#leaveReplica(),
    });
  }

  get #isOpen(): boolean {
    return this.#commands.isUp && this.#subscriber.isUp && this.#gate.isOpen;
  }

  #linkUp(): void {
    this.#sender.resume();
    if (this.#isOpen) this.#events?.up();
  }

  #reason(): string {
    if (!this.#commands.isUp) return this.#commands.reason;
    return this.#gate.reason ?? this.#subscriber.reason;
  }

  /** Batches leave in the order of the calls, some at a time. */
  async #inBatches(
    channels: readonly string[],
    send: (names: string[]) => Promise<unknown>,
  ): Promise<void> {
    const { prefix } = this.#clients;
    const sent: Promise<unknown>[] = [];
    for (let from = 0; from < channels.length; from += BATCH) {
      const names = channels.slice(from, from + BATCH);
      const prefixed = prefix ? names.map((name) => prefix + name) : names;
      sent.push(this.#batches.run(() => send(prefixed)));
    }
    try {
      await Promise.all(sent);
    } catch (error) {
      throw new Error(unansweredReason(error as Error), { cause: error });
    }
  }
}
