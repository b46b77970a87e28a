import type { Logs } from './logs.js';
import type { Ticket } from './ticket.js';
import type { Waits } from './waits.js';

/**
 * The port between the cluster and what carries its bytes: named channels, nothing else. A driver
 * knows neither hubs nor sockets nor envelopes. `test/transport/conformance.ts` is the suite that
 * each driver passes.
 */
export interface Transport {
  /** Names the carrier of the bytes in logs: `redis` or `memory`. */
  readonly name: string;

  /**
   * True if one publish may reach a subscriber twice, as a client does that sends its unanswered
   * commands again after a reconnect. Receivers then look out for doubles.
   */
  readonly mayRepeat: boolean;

  /**
   * Connects. Resolves with `true` once both ways are open, and with `false` when the other side
   * cannot be reached for now: the driver goes on trying, and reports it by {@link
   * TransportEvents.up}. Rejects with `BackplaneConfigError` for a failure that no waiting repairs
   * (a wrong password, a database that is not there, a node of a cluster).
   * @param checkChannels channels that nobody uses, each among those that the cluster does: {@link
   * check} stays within them
   */
  start(events: TransportEvents, checkChannels?: readonly string[]): Promise<boolean>;

  /**
   * Asks whether the other side would do what is needed, and changes nothing. Resolves with what it
   * refuses; with nothing where it does not answer. Never rejects.
   */
  check(needs: readonly Need[]): Promise<Capability>;

  /**
   * Sends the bytes to whoever is subscribed to the channel. Calls made in one order arrive in that
   * order, but for what is urgent. Messages that cannot leave at once wait in memory, as long as
   * there is room for it and the other side answers at all. Resolves when the other side took them;
   * rejects, soon, when it cannot be known that it will, or when it was withdrawn. Never throws.
   */
  publish(channel: string, bytes: Buffer, sending?: Sending): Promise<void>;

  /**
   * As {@link publish} in the lane `data`, at less cost: `ends` is called with the outcome of
   * {@link publish}, after this call.
   */
  post(channel: string, bytes: Buffer, ends: OutcomeCallbacks, ticket?: Ticket): void;

  /**
   * The fate of a message of that size, published now in the lane `data`. `full`, `down`: it would
   * be refused, for lack of room, or because nothing can be sent for now.
   */
  readiness(length: number): Readiness;

  /** The messages that wait to leave: published ones, and appends to logs. */
  readonly waiting: Waits;

  /**
   * Resolves when all that was handed over so far has been taken or refused. Messages that wait
   * still after the time are refused, and sooner where there is no point in waiting. Never rejects.
   */
  drain(timeoutMs: number): Promise<void>;

  /**
   * As {@link publish}; resolves with how many heard it, or with undefined where that is not known.
   */
  publishAndCount(channel: string, bytes: Buffer, sending?: Sending): Promise<number | undefined>;

  /**
   * Published messages leave now, and not at the end of this turn of the event loop. Never throws.
   */
  flush(): void;

  /**
   * Resolves when the other side confirmed all the channels, rejects when it did not. Calls take
   * effect in their order.
   */
  subscribe(channels: readonly string[]): Promise<void>;

  /** Resolves when the other side confirmed; rejects when it did not. */
  unsubscribe(channels: readonly string[]): Promise<void>;

  /** The live instances, by leases that lapse unless they are renewed. */
  readonly leases: Leases;

  /** The logs of rooms with history. */
  readonly logs: Logs;

  /**
   * Drops the receiving link and opens a new one: the cluster found it deaf. {@link
   * TransportEvents.down} and {@link TransportEvents.up} follow.
   */
  restart(): void;

  /**
   * Sends what waits, as {@link drain} does, within some seconds. Then ends what the driver opened,
   * and nothing that it was given. May be called more than once.
   */
  close(): Promise<void>;
}

/**
 * The things that a cluster may need of the other side, besides messages: {@link Leases}, and of
 * {@link Logs} `append`, `append` with `replicaTimeoutMs`, `tops`, `read` and `lineage`.
 */
export type Need = 'leases' | 'append' | 'replicate' | 'compare' | 'read' | 'identify';

export interface Capability {
  readonly refusals: readonly Refusal[];
  /** A capability that works with a flaw; for the log. */
  readonly warnings: readonly string[];
}

export interface Refusal {
  readonly need: Need;
  /** The other side's own words. */
  readonly reason: string;
  /** How to fix it, as a sentence; may be empty. */
  readonly fix: string;
}

/**
 * `data`: in the order of the calls; refused when too much waits. `control`: as data, in the same
 * order, and there is room reserved for it. `urgent`: at once, past all that waits.
 */
export type Lane = 'data' | 'control' | 'urgent';

export type Readiness = 'open' | 'full' | 'down';

/** Called with the outcome of a message, once. Neither may throw. */
export interface OutcomeCallbacks<T = void> {
  resolve(answer: T): void;
  reject(error: Error): void;
}

/** How a message goes out. */
export interface Sending {
  /** Default `data`. */
  readonly lane?: Lane;
  readonly ticket?: Ticket | undefined;
}

/** The callbacks of a transport to its cluster. None of these may throw. */
export interface TransportEvents {
  message(channel: string, bytes: Buffer): void;
  /** Both ways are open (again). No channel is subscribed: the cluster subscribes what it wants. */
  up(): void;
  /**
   * A way was lost, with a reason for the log. May come more than once before the next `up`.
   * @param refused the reason is an answer of the other side: it is there, and does not let us in
   */
  down(reason: string, refused?: boolean): void;
  /**
   * The connection stands, and nothing has been answered for the time that answers may take, though
   * some are waited for.
   */
  silent?(reason: string): void;
}

/**
 * Leases under a key, on the clock of the other side. Each call costs as much as there are leases
 * under the key, and rejects, soon, when it cannot be known that it will be carried out: with
 * `BackplaneRefusedError` where the other side answered, and refused. A clock that is set back
 * prolongs no lease by more than its own time.
 */
export interface Leases {
  /** Takes a lease, or takes it anew. Resolves with all of the key. */
  claim(key: string, id: string, value: string, ttlMs: number): Promise<LeaseList>;
  /**
   * As {@link claim} for a lease that is still held; resolves with undefined, and changes nothing,
   * if it has lapsed.
   */
  renew(key: string, id: string, value: string, ttlMs: number): Promise<LeaseList | undefined>;
  /**
   * Gives a lease up. For so long, {@link LeaseList.departed} names it, unless it is claimed again.
   */
  drop(key: string, id: string, rememberMs: number): Promise<void>;
  /** Changes nothing, so that it works where the other side takes no writes. */
  list(key: string): Promise<LeaseList>;
}

export interface LeaseList {
  /** Those that have not lapsed. */
  readonly leases: readonly Lease[];
  /**
   * The ids of those that were given up by {@link Leases.drop} not long ago: they did not lapse.
   */
  readonly departed: readonly string[];
}

export interface Lease {
  readonly id: string;
  /** As it was last claimed or renewed; empty where the other side has lost it. */
  readonly value: string;
  /** Until it lapses. */
  readonly remainingMs: number;
}
