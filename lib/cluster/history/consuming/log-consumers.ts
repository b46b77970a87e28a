import type { Logs, PublishedEntry } from '../../../transport/logs.js';
import type { Route } from '../../local/route.js';
import type { CursorCounters } from './cursor.js';
import {
  type CursorSharing,
  LogConsumer,
  type LogConsumerEvents,
  type LogKey,
} from './log-consumer.js';
import { PositionChecker } from './position-checker.js';
import { GapReader } from './gap-reader.js';
import { IdleChecker } from './idle-checker.js';

/**
 * Instances that come back together do not all ask at once, where it is many logs that they ask
 * for.
 */
const JITTER_MS_PER_LOG = 0.02;
const MAX_JITTER_MS = 200;
/** How often it is looked whether another Redis has taken over. */
const LINEAGE_INTERVAL_MS = 5_000;

export interface LogConsumersOptions {
  readonly logs: Logs;
  readonly follower: Omit<LogConsumerEvents, 'wantsRead'>;
  readonly counters: CursorCounters;
}

/**
 * The logs that have members on this instance. Whenever it is in doubt whether one has all that
 * came, it is compared with Redis: when its channel is subscribed, when the link is back, when
 * another Redis has taken over, and when it has been quiet for a while.
 */
export class LogConsumers {
  readonly #options: LogConsumersOptions;
  readonly #byChannel = new Map<string, LogConsumer>();
  readonly #checks: PositionChecker;
  readonly #repairs: GapReader;
  readonly #quiet: IdleChecker;
  readonly #follower: LogConsumerEvents;
  readonly #sharing: CursorSharing;
  #open = false;
  #closed = false;
  #replicationId: string | undefined;
  #lineageTimer: NodeJS.Timeout | undefined;

  constructor(options: LogConsumersOptions) {
    const { logs, follower } = options;
    this.#options = options;
    this.#sharing = { counters: options.counters, heldTotal: { bytes: 0 } };
    this.#checks = new PositionChecker(logs);
    this.#repairs = new GapReader(logs);
    this.#quiet = new IdleChecker((log) => this.check(log));
    this.#follower = {
      ...follower,
      // Entries of a repair show as well as those of the channel that the log is alive.
      deliver: (log, entry) => {
        this.#quiet.touch(log);
        follower.deliver(log, entry);
      },
      wantsRead: (log) => this.#repairs.add(log),
    };
  }

  get size(): number {
    return this.#byChannel.size;
  }

  get(channel: string): LogConsumer | undefined {
    return this.#byChannel.get(channel);
  }

  /**
   * The channel has a member. Resolves when its channel is confirmed and the position in the log is
   * known, or when there is no point in waiting for that. Never rejects.
   * @param subscribed settles when the channel is confirmed, or as above
   */
  async follow(name: LogKey, route: Route, subscribed: Promise<void>): Promise<void> {
    if (this.#closed) return;
    const present = this.#byChannel.get(name.channel);
    if (present) return this.#join(present);
    const log = new LogConsumer(name, route, this.#follower, this.#sharing);
    this.#byChannel.set(name.channel, log);
    await subscribed;
    if (log.closed) return;
    log.subscribed = true;
    this.#quiet.touch(log);
    if (!this.#open) return log.endWait();
    this.#checks.add(log);
    return log.placed();
  }

  #join(log: LogConsumer): Promise<void> {
    if (!this.#open) {
      // All logs are compared once the link is there; whoever cannot wait for the first time is
      // notified then.
      log.endWait();
      return Promise.resolve();
    }
    // The read of its position may have been refused.
    if (log.subscribed && !log.position) this.#checks.add(log);
    return log.placed();
  }

  /** The channel has no member any more. */
  unfollow(channel: string): void {
    const log = this.#byChannel.get(channel);
    if (!log) return;
    this.#byChannel.delete(channel);
    this.#quiet.forget(log);
    this.#checks.forget(log);
    log.close();
  }

  /** False if nobody follows the channel. */
  arrive(channel: string, entry: PublishedEntry): boolean {
    const log = this.#byChannel.get(channel);
    if (!log) return false;
    this.#quiet.touch(log);
    // While the link is away it would only be held: the log has it when the link is back.
    if (this.#open) log.arrive(entry);
    return true;
  }

  /** It is in doubt whether the log is in Redis what was delivered here. */
  check(log: LogConsumer): void {
    if (log.subscribed && !log.pendingRead) this.#checks.add(log);
  }

  /** This instance has sent something to the channel, and may expect it back. */
  touch(channel: string): void {
    const log = this.#byChannel.get(channel);
    if (log) this.#quiet.touch(log);
  }

  /**
   * Every subscription is confirmed. Resolves when the positions of all logs are known, or when
   * there is no point in waiting for that.
   */
  async open(): Promise<void> {
    this.#open = true;
    this.#repairs.open();
    const jitterMs = Math.min(MAX_JITTER_MS, this.size * JITTER_MS_PER_LOG);
    this.#checks.open(Math.random() * jitterMs);
    const unpositioned = [...this.#byChannel.values()].filter((log) => !log.position);
    for (const log of unpositioned) if (log.subscribed) this.#checks.add(log);
    this.#checkAll();
    this.#watchLineage();
    await Promise.all(unpositioned.map((log) => log.placed()));
  }

  /** The link is gone, or in doubt. */
  suspend(): void {
    this.#open = false;
    this.#checks.suspend();
    this.#repairs.suspend();
    clearTimeout(this.#lineageTimer);
    for (const log of this.#byChannel.values()) log.suspend();
  }

  close(): void {
    this.#closed = true;
    this.suspend();
    this.#quiet.close();
    for (const log of this.#byChannel.values()) log.close();
    this.#byChannel.clear();
  }

  #checkAll(): void {
    for (const log of this.#byChannel.values()) if (log.subscribed) this.#checks.add(log);
  }

  #watchLineage(): void {
    clearTimeout(this.#lineageTimer);
    this.#lineageTimer = setTimeout(() => {
      this.#options.logs
        .replicationId()
        .then((replicationId) => {
          const changed =
            this.#replicationId !== undefined && replicationId !== this.#replicationId;
          this.#replicationId = replicationId;
          if (changed && this.#open) this.#checkAll();
        })
        // The next look may do better; a Redis that is away is noticed elsewhere.
        .catch(() => {})
        .finally(() => {
          if (this.#open) this.#watchLineage();
        });
    }, LINEAGE_INTERVAL_MS);
  }
}
