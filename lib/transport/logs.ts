import type { Ticket } from './ticket.js';

/**
 * The part of the port that rooms with history stand on: one bounded log a channel, kept by the
 * other side. Each log has an epoch, which is new whenever its numbering began anew, and entries
 * that are numbered by 1, 2, 3… within it. An appended entry is published on the channel in the
 * same step, framed by `log-entry.ts`.
 */
export interface Logs {
  /**
   * In one step: answers with the first result if the id is known; else gives the log an epoch if
   * it has none, appends the bytes under the next offset, trims to the size, renews the lifetimes,
   * and publishes the entry on the channel. Calls made in one order take effect in that order: none
   * takes effect while one before it, to the same log, may yet be tried again. Retrying with the
   * same id is safe: it cannot append twice while the id is known.
   *
   * Rejects, soon, with `BackplaneUnavailableError` when it cannot be known that it was carried
   * out, and with `BackplaneRefusedError` when it was not, and would not be if it were tried again.
   * Never throws.
   *
   * It stands in one order with what is published, and waits as that does.
   */
  append(append: Append, ticket?: Ticket): Promise<Appended>;

  /**
   * Where each log stands, in the order of the channels; for those who follow it. A log that has no
   * epoch is given one, and one that is asked for lives on. The epoch of a log to which nothing was
   * sent may be another at each call: see `log-epoch.ts`. Costs the other side little enough for
   * tens of thousands. Rejects as {@link append} does.
   */
  tops(channels: readonly string[], lifetimes: LogLifetimes): Promise<readonly LogTop[]>;

  /**
   * Where the log stands and entries of it, from one moment: as many as asked for, or fewer where
   * they are large ({@link LOG_READ_BYTES}); read on from the last of them. Rejects as {@link
   * append} does.
   */
  read(channel: string, range: LogRange, lifetimes: LogLifetimes): Promise<LogRead>;

  /**
   * To be called when the other side can be reached. From then on it is known whether it has lost
   * its data since an epoch was answered that is stored nowhere. Stores no more than one name for
   * all channels with the same `{…}` in front. Rejects as {@link append} does.
   */
  prepare(channels: readonly string[]): Promise<void>;

  /**
   * Names the line of data that the other side stands in; another name after a failover or a
   * restart means that what was acknowledged before may be missing. Rejects as {@link append} does.
   */
  replicationId(): Promise<string>;
}

/**
 * How much one {@link Logs.read} answers with at most, headers included, unless its first entry
 * alone is larger.
 */
export const LOG_READ_BYTES = 1024 * 1024;

export interface LogLifetimes {
  /**
   * Of the epoch and the numbering, from the last append or look. Outlives the entries by far: it
   * is renewed only when less than half of it is left, to save work.
   */
  readonly metaTtlMs: number;
  /**
   * The same of a log to which nothing was sent; only a look of those who follow it counts. Default
   * 300,000 (`EMPTY_TTL_MS`).
   */
  readonly emptyTtlMs?: number;
}

export interface LogLimits extends LogLifetimes {
  /** How many entries the log keeps. */
  readonly size: number;
  /** Of the entries, from the last append. */
  readonly ttlMs: number;
}

export interface Append {
  readonly channel: string;
  /** The same for each try of one message, and for no other message of the channel. */
  readonly id: string;
  readonly bytes: Buffer;
  readonly limits: LogLimits;
  /** How long the id is known. */
  readonly idempotencyTtlMs: number;
  /**
   * Resolve only once a replica has the entry. Reject with `BackplaneNotReplicatedError` if no
   * replica has it within this time, or within twice this time if the replicas of earlier entries
   * are still waited for. The entry is appended and published in its order, as any other, also
   * then; only the answer waits.
   */
  readonly replicaTimeoutMs?: number;
}

export interface Appended {
  readonly epoch: string;
  readonly offset: number;
  /** The id was known: nothing was appended, and this is where the first try's entry went. */
  readonly duplicate: boolean;
  /**
   * The entry is in the log, but was not published, for this reason: it is found when the log is
   * compared or read.
   */
  readonly unheard?: string;
}

/**
 * Where a log stands: its newest entry, or offset 0 and an empty tag where there has been none in
 * this epoch.
 */
export interface LogTop {
  readonly epoch: string;
  readonly offset: number;
  readonly tag: string;
}

export interface LogEntry {
  readonly offset: number;
  /**
   * Random: another entry that was given the same offset, on the other branch of a fork, has
   * another.
   */
  readonly tag: string;
  /** Of the entry before; empty for the first of an epoch. */
  readonly previousTag: string;
  /** When it was appended, by the other side's clock. */
  readonly publishedAtMs: number;
  readonly bytes: Buffer;
}

/** An entry as it arrives on its channel. */
export interface PublishedEntry extends LogEntry {
  readonly epoch: string;
}

export interface LogRange {
  /**
   * The lowest offset wanted, or with {@link reverse} the highest; default: the end of the log to
   * begin at.
   */
  readonly from?: number;
  /** At most so many entries. */
  readonly limit: number;
  /** Newest first. */
  readonly reverse?: boolean;
  /**
   * The reader follows the log: it is looked at as by {@link Logs.tops}. Default false: nothing is
   * stored for it, and a log without an epoch answers with one that is stored nowhere.
   */
  readonly follows?: boolean;
}

export interface LogRead {
  readonly top: LogTop;
  /** In the order asked for, without holes but where the log was trimmed or has forked. */
  readonly entries: readonly LogEntry[];
}
