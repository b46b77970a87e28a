import type { Member } from '../hub/member.js';
import { Turn } from '../hub/turn.js';
import type { Transport } from '../transport/transport.js';
import { Audience, type AudienceSink } from './audience.js';
import { BackplaneHub } from './backplane-hub.js';
import { Broadcasts } from './broadcasts.js';
import { ChannelNames } from './channels.js';
import { type Counters, newCounters } from './counters.js';
import type { AnyEvents } from './events.js';
import { connectionId, newInstanceId } from './instance-id.js';
import { type BackplaneStatus, Link } from './link.js';
import type { BackplaneLogger } from './logger.js';
import { assertName } from './names.js';
import type { ServedHub } from './served-hub.js';
import { ServedHubs } from './served-hubs.js';

/** What a backplane is made of. */
export interface BackplaneParts {
  readonly transport: Transport;
  readonly eventKeys: readonly string[];
  readonly commandTimeoutMs: number;
  readonly failFast: boolean;
  /** How long a broadcast may wait for others to leave with it. */
  readonly coalesceMs: number;
  readonly logger: BackplaneLogger;
}

/** The hub of gateways without a path, and of a backplane's own verbs. */
const DEFAULT_HUB = '/';

/**
 * Many instances as one: the injectable. Its own verbs address the hub `/`; {@link hub} addresses any other. It works
 * wherever providers do, also in a process without a gateway, which then only publishes.
 */
export class Backplane<Events extends object = AnyEvents> extends Audience<Events> {
  /** This instance, as the others see it; new at every boot. */
  readonly instanceId: string;
  /** @internal When what was written in this turn of the event loop leaves. */
  readonly turn = new Turn();
  readonly #link: Link;
  readonly #hubs: ServedHubs;
  readonly #broadcasts: Broadcasts;
  /** @internal */
  readonly counters: Counters = newCounters();
  #serial = 0;

  /** @internal Made by the module, or by `createBackplane`. */
  constructor(parts: BackplaneParts) {
    // Its verbs need what is made below.
    const sink: AudienceSink = {
      emit: (...message) => this.#broadcasts.sinkOf(DEFAULT_HUB).emit(...message),
      publish: (...message) => this.#broadcasts.sinkOf(DEFAULT_HUB).publish(...message),
    };
    super(sink);
    const { transport, logger, commandTimeoutMs, failFast } = parts;
    const instanceId = newInstanceId();
    const channels = new ChannelNames(parts.eventKeys);
    const { counters } = this;
    const link = new Link({
      transport,
      logger,
      commandTimeoutMs,
      failFast,
      instanceId,
      probeChannel: channels.probe(instanceId),
      onMessage: (channel, bytes) => this.#broadcasts.receive(channel, bytes),
    });
    const { subscriptions } = link;
    const hubs = new ServedHubs({
      instanceId,
      channels,
      subscriptions,
      fanOut: { turn: this.turn, coalesceMs: parts.coalesceMs },
    });
    this.instanceId = instanceId;
    this.#link = link;
    this.#hubs = hubs;
    this.#broadcasts = new Broadcasts({
      instanceId,
      transport,
      link,
      channels,
      hubs,
      counters,
      logger,
      commandTimeoutMs,
    });
  }

  /**
   * Connects. Resolves when the first attempt has ended: `ready`, or `degraded` with a Redis that cannot be reached for now.
   * @internal
   * @throws (rejects) BackplaneConfigError for wrong credentials or a wrong database; BackplaneUnavailableError with `failFast`
   */
  async start(): Promise<this> {
    await this.#link.start();
    return this;
  }

  /** Whether this instance hears the others, and they it. */
  get status(): BackplaneStatus {
    return this.#link.status;
  }

  /**
   * Calls the listener at each change of {@link status}.
   * @returns the function that takes the listener off
   */
  on(event: 'status', listener: (status: BackplaneStatus) => void): () => void {
    assertStatusEvent(event);
    return this.#link.onStatus(listener);
  }

  /** Resolves when the status is `ready`; rejects with `BackplaneClosedError` when it never will be. */
  ready(): Promise<void> {
    return this.#link.ready();
  }

  /**
   * The hub of a gateway: its path (`'/chat'`), with the port in front where the gateway has its own (`'8081/chat'`), or the
   * name that it was given.
   * @throws TypeError for a name that is empty, too long, or no string
   */
  hub<HubEvents extends object = AnyEvents>(name: string): BackplaneHub<HubEvents> {
    assertName('hub', name);
    return new BackplaneHub(name, this.#broadcasts.sinkOf(name));
  }

  /** What happened on this instance since its start, in plain numbers. */
  stats(): Readonly<Counters> & { readonly subscriptions: number } {
    return { ...this.counters, subscriptions: this.#link.subscriptions.size };
  }

  /** Ends the connections that the backplane opened. May be called more than once; Nest calls it at shutdown. */
  async close(): Promise<void> {
    this.#hubs.close();
    await this.#link.close();
  }

  /** @internal This instance has clients of the hub from now on. */
  serve<M extends Member>(hub: string): ServedHub<M> {
    return this.#hubs.serve<M>(hub);
  }

  /** @internal */
  sinkOf(hub: string): AudienceSink {
    return this.#broadcasts.sinkOf(hub);
  }

  /** @internal */
  nextConnectionId(): string {
    return connectionId(this.instanceId, ++this.#serial);
  }
}

function assertStatusEvent(event: unknown): void {
  if (event !== 'status') {
    throw new TypeError(
      `A backplane has one event of its own, 'status'; got ${String(event)}. Clients' messages reach gateways.`,
    );
  }
}
