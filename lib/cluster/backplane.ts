import { describe } from '../errors/quote.js';
import type { FlushScheduler } from '../hub/flush-scheduler.js';
import type { Transport } from '../transport/transport.js';
import { DEFAULT_BUFFER_BYTES } from '../transport/waits.js';
import { BackplaneHub } from './api/backplane-hub.js';
import { Cluster, type InstanceEvents } from './cluster.js';
import type { Connection } from './local/connection.js';
import type { ContinuityLoss } from './history/continuity.js';
import { DEFAULT_LIVE, type LiveOptions } from './live/live-options.js';
import type { Interruption } from './live/live-rooms.js';
import type { HistoryRule } from './common/history-rules.js';
import { type Counters, newCounters } from './common/counters.js';
import type { AnyEvents } from './common/events.js';
import { HubAudience, type HubPublisher } from './api/hub-audience.js';
import { connectionId } from './wire/instance-id.js';
import { DEFAULT_LEASE, type InstanceList, type LeaseOptions } from './membership/instances.js';
import type { BackplaneStatus } from './link/link.js';
import type { BackplaneLogger } from './common/logger.js';
import { assertName } from './common/names.js';
import type { LocalHub } from './local/local-hub.js';

/** The parts of a backplane. */
export interface BackplaneParts {
  readonly transport: Transport;
  readonly eventKeys: readonly string[];
  readonly commandTimeoutMs: number;
  readonly failFast: boolean;
  /** How long a broadcast may wait for others to leave with it. */
  readonly coalesceMs: number;
  readonly logger: BackplaneLogger;
  /** Default 10 s, renewed every 3 s. */
  readonly lease?: LeaseOptions;
  /** Which targets have a history. Default none. */
  readonly history?: readonly HistoryRule[];
  /** How long the ids of published messages are known. Default 300,000. */
  readonly idempotencyTtlMs?: number;
  /** Limit for messages that wait for Redis: their bytes and 512 for each. Default 64 MiB. */
  readonly redisBufferBytes?: number;
  /** For how long, and up to how many bytes, live messages are kept. Default 10,000 and 32 MiB. */
  readonly live?: LiveOptions;
}

/** The events of a backplane, and their arguments. */
export interface BackplaneEvents extends InstanceEvents {
  status: (status: BackplaneStatus) => void;
  continuityLost: (loss: ContinuityLoss) => void;
  interrupted: (interruption: Interruption) => void;
}

/** Counts of an instance since its start, and of what is under way. */
export interface BackplaneStats extends Readonly<Counters> {
  /** Channels that this instance listens to. */
  readonly subscriptions: number;
  /** Questions of this instance that are not answered yet. */
  readonly openRequests: number;
  /**
   * Questions of `emitWithAck`, of any instance, to which clients of this one have not answered
   * yet.
   */
  readonly openQuestions: number;
  /** Histories that this instance follows, as they have members here. */
  readonly followed: number;
  /** Messages that wait for a Redis that is away, to enter their histories. */
  readonly outbox: number;
  /** Broadcasts without a history that wait for a Redis that is away. */
  readonly liveWaiting: number;
  /** Broadcasts without a history that came, and wait for others that were sent before them. */
  readonly liveHeld: number;
  /**
   * For how long back other instances can ask for what this one sent; undefined while it has all.
   */
  readonly liveReachMs: number | undefined;
  /** Messages that wait to leave, as Redis has not yet answered for those before them. */
  readonly waiting: number;
  /** How much of `redisBufferBytes` they take. */
  readonly waitingBytes: number;
  /** Since the last message that went to Redis and came back; undefined before the first. */
  readonly probeAgeMs: number | undefined;
  /**
   * Since this instance's lease was last renewed; undefined before the first time. More than
   * `lease.renewEveryMs` and a little: Redis does not keep it, and results rest on what was known
   * before (`stale`).
   */
  readonly leaseAgeMs: number | undefined;
}

/** The hub of gateways without a path, and of a backplane's own verbs. */
const DEFAULT_HUB = '/';

export const DEFAULT_IDEMPOTENCY_TTL_MS = 300_000;

/**
 * Many instances as one: the injectable. Its own verbs address the hub `/`; {@link hub} addresses
 * any other. It works wherever providers do, also in a process without a gateway, which then only
 * publishes.
 */
export class Backplane<
  Events extends object = AnyEvents,
  ServerEvents extends object = AnyEvents,
> extends HubAudience<Events, ServerEvents> {
  readonly #cluster: Cluster;
  /** @internal */
  readonly counters: Counters;
  #serial = 0;

  /** @internal Made by the module, or by `createBackplane`. */
  constructor({
    lease = DEFAULT_LEASE,
    history = [],
    idempotencyTtlMs = DEFAULT_IDEMPOTENCY_TTL_MS,
    redisBufferBytes = DEFAULT_BUFFER_BYTES,
    live = DEFAULT_LIVE,
    ...parts
  }: BackplaneParts) {
    const counters = newCounters();
    const cluster = new Cluster({
      ...parts,
      counters,
      lease,
      history,
      idempotencyTtlMs,
      redisBufferBytes,
      live,
    });
    super(cluster.publisherOf(DEFAULT_HUB));
    this.#cluster = cluster;
    this.counters = counters;
  }

  /** @internal When what was written in this turn of the event loop leaves. */
  get turn(): FlushScheduler {
    return this.#cluster.turn;
  }

  /** This instance, as the others see it: new at every boot, and after its lease has lapsed. */
  get instanceId(): string {
    return this.#cluster.identity.current;
  }

  /**
   * Connects. Resolves when the first attempt has ended: `ready`, or `degraded` with a Redis that
   * cannot be reached for now.
   * @internal
   * @throws (rejects) BackplaneConfigError for wrong credentials or a wrong database;
   * BackplaneUnavailableError with `failFast`
   */
  async start(): Promise<this> {
    await this.#cluster.start();
    return this;
  }

  /** Whether this instance hears the others, and they it. */
  get status(): BackplaneStatus {
    return this.#cluster.link.status;
  }

  /**
   * Calls the listener: at each change of {@link status}; when another instance has joined; when
   * one has left, or its lease has lapsed (`'left'`, `'lost'`); when messages were lost for the
   * members of this instance: of a history (`continuityLost`), or without one (`interrupted`).
   * @returns the function that takes the listener off
   */
  on<Event extends keyof BackplaneEvents>(
    event: Event,
    listener: BackplaneEvents[Event],
  ): () => void {
    if (event === 'status')
      return this.#cluster.link.onStatus(listener as BackplaneEvents['status']);
    if (event === 'continuityLost')
      return this.#cluster.continuity.onLost(listener as BackplaneEvents['continuityLost']);
    if (event === 'interrupted')
      return this.#cluster.live.onInterrupted(listener as BackplaneEvents['interrupted']);
    if (event === 'instanceJoined' || event === 'instanceLeft')
      return this.#cluster.on(event, listener as InstanceEvents['instanceLeft']);
    throw new TypeError(
      `The events of a backplane are 'status', 'instanceJoined', 'instanceLeft', 'continuityLost' and 'interrupted', got ${describe(event)}. ` +
        "Clients' messages reach gateways.",
    );
  }

  /**
   * The live instances, this one first, as Redis knows them now. One that died without a word is
   * listed until its lease lapses. While Redis keeps no leases, the others are those that were last
   * known, and the result has `stale: true`.
   * @throws (rejects) BackplaneUnavailableError while Redis is away
   */
  instances(): Promise<InstanceList> {
    return this.#cluster.instances.list();
  }

  /**
   * Resolves when the status is `ready` and the others know this instance; rejects with
   * `BackplaneClosedError` when it never will be.
   */
  ready(): Promise<void> {
    return this.#cluster.ready();
  }

  /**
   * The hub of a gateway: its path (`'/chat'`), with the port in front where the gateway has its
   * own (`'8081/chat'`), or the name that it was given.
   * @throws TypeError for a name that is empty, too long, or no string
   */
  hub<HubEvents extends object = AnyEvents, HubServerEvents extends object = AnyEvents>(
    name: string,
  ): BackplaneHub<HubEvents, HubServerEvents> {
    assertName('hub', name);
    return new BackplaneHub(name, this.#cluster.publisherOf(name));
  }

  /** Counts of this instance since its start, in plain numbers. */
  stats(): BackplaneStats {
    const { link, requests, openQuestions, continuity, instances, live, waiting } = this.#cluster;
    return {
      ...this.counters,
      subscriptions: link.subscriptions.size,
      openRequests: requests.size,
      openQuestions,
      followed: continuity.followed,
      outbox: continuity.outbox.depth,
      liveWaiting: live.sender.waiting,
      liveHeld: live.held,
      liveReachMs: live.reachMs,
      waiting: waiting.messages,
      waitingBytes: waiting.bytes,
      probeAgeMs: link.probeAgeMs,
      leaseAgeMs: instances.leaseAgeMs,
    };
  }

  /**
   * Sends what waits, for five seconds at most while Redis takes it, says goodbye to the others,
   * and ends the connections that the backplane opened. Messages that are left then are refused.
   * May be called more than once; Nest calls it at shutdown, also after a signal where the app has
   * called `enableShutdownHooks()`.
   */
  close(): Promise<void> {
    return this.#cluster.close();
  }

  /**
   * @internal Resolves when the others know this instance's hubs and server events, or when there
   * is no point in waiting.
   */
  settled(): Promise<void> {
    return this.#cluster.settled();
  }

  /** @internal This instance has clients of the hub from now on. */
  serve<M extends Connection>(hub: string): LocalHub<M> {
    return this.#cluster.hubs.serve<M>(hub);
  }

  /** @internal */
  publisherOf(hub: string): HubPublisher {
    return this.#cluster.publisherOf(hub);
  }

  /** @internal */
  nextConnectionId(): string {
    return connectionId(this.instanceId, ++this.#serial);
  }
}
