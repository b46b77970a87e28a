import { EventEmitter } from 'node:events';

import { oneLine, quote } from '../../errors/quote.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import { Silence } from '../../timing/silence.js';
import { decodeLogEntry } from '../../transport/log-entry.js';
import type { LogEntry, Logs } from '../../transport/logs.js';
import type { MessagePublisher } from '../common/publishing.js';
import type { Connection, Loss, LossReason } from '../local/connection.js';
import type { Counters } from '../common/counters.js';
import { deliverEnvelope } from '../local/deliver.js';
import { guardedListener } from '../common/guarded-listener.js';
import type { Identity } from '../membership/identity.js';
import type { Link } from '../link/link.js';
import type { Route } from '../local/route.js';
import type { ThrottledLog } from '../common/throttled-log.js';
import type { ChannelNames } from '../wire/channels.js';
import { decodeEnvelope } from '../wire/envelope.js';
import { SlowClientCatchUp } from './catch-up/slow-client-catch-up.js';
import type { LogConsumer } from './consuming/log-consumer.js';
import { LogConsumers } from './consuming/log-consumers.js';
import { HistoryReader } from './reader/history-reader.js';
import type { GroupKind } from '../../hub/target.js';
import type { HistoryRules } from '../common/history-rules.js';
import { HistoryPublisher } from './publishing/history-publisher.js';
import { Outbox } from './publishing/outbox.js';
import { positionOf } from './consuming/stream-position.js';

/**
 * Messages that the members of a room, the connections of a user, or all of a hub missed on this
 * instance, and will not get.
 */
export interface ContinuityLoss {
  readonly hub: string;
  /** The room; undefined for messages to a user or to the whole hub. */
  readonly room: string | undefined;
  readonly userId: string | undefined;
  /**
   * Why: what followed is not kept any more, the history began anew, or a failover lost what had
   * been delivered.
   */
  readonly reason: LossReason;
  /** Where the history stands now; what follows this is delivered. */
  readonly epoch: string;
  readonly offset: number;
  /** The message that was delivered last, in the epoch of then. */
  readonly lastOffset: number;
  /**
   * The client that is notified alone, when it has read again (`slowClient: 'pause'`), of its own
   * loss or of the loss of all; undefined: all members here.
   */
  readonly connectionId: string | undefined;
}

export interface ContinuityOptions {
  readonly logs: Logs;
  readonly link: Link;
  readonly rules: HistoryRules;
  readonly channels: ChannelNames;
  readonly identity: Identity;
  readonly counters: Counters;
  readonly log: ThrottledLog;
  readonly commandTimeoutMs: number;
  readonly idempotencyTtlMs: number;
  readonly redisBufferBytes: number;
  /** A message that was to be forgotten could not leave. */
  readonly onUnsent: (error: Error) => void;
}

/**
 * Rooms, users and hubs with a history: one order for all members. A message that is lost on the
 * way is read from the log, or the loss is reported.
 */
export class Continuity {
  readonly outbox: Outbox;
  readonly reader: HistoryReader;
  readonly #options: ContinuityOptions;
  readonly #followed: LogConsumers;
  readonly #catchUps: SlowClientCatchUp;
  readonly #broadcasts: HistoryPublisher;
  readonly #losses = new EventEmitter();
  readonly #offStatus: () => void;
  /** Raised whenever the link comes or goes. */
  #generation = 0;

  constructor(options: ContinuityOptions) {
    const { logs, link } = options;
    this.#options = options;
    this.#losses.setMaxListeners(0);
    this.outbox = new Outbox(logs, options.redisBufferBytes);
    this.reader = this.#makeReader();
    this.#followed = new LogConsumers({
      logs,
      counters: options.counters,
      follower: {
        deliver: (log, entry) => this.#deliver(log.route, entry, log),
        lost: (log, loss) => this.#catchUps.reportLossToAll(log, loss, () => this.#lost(log, loss)),
        repaired: (_, tookMs) => this.#repaired(tookMs),
      },
    });
    this.#catchUps = new SlowClientCatchUp({
      logs,
      followed: this.#followed,
      lost: (log, loss, member) => this.#lost(log, loss, member),
    });
    this.#broadcasts = new HistoryPublisher({
      ...options,
      outbox: this.outbox,
      onAppended: (channel) => this.#followed.touch(channel),
      onUnheard: (reason) =>
        options.log.warn(
          'unheard',
          `A message is in the history of its target, but Redis did not publish it: ${oneLine(reason)}. ` +
            'Members get it when their instance compares the history, which may take more than a minute.',
        ),
    });
    this.#offStatus = link.onStatus((status) =>
      status === 'ready' ? this.#open() : this.#suspend(),
    );
  }

  /** How many logs have members here. */
  get followed(): number {
    return this.#followed.size;
  }

  /** @param live takes what goes to targets without a history */
  publisherOf(hub: string, live: MessagePublisher): MessagePublisher {
    return this.#broadcasts.publisherOf(hub, live);
  }

  /**
   * The channel has a member here. Resolves when what is sent from now on reaches it, or when there
   * is no point in waiting for that. Never rejects.
   * @param subscribed settles when the channel is confirmed, or as above
   */
  follow(
    kind: GroupKind,
    name: string,
    channel: string,
    route: Route,
    subscribed: Promise<void>,
  ): Promise<void> {
    const rule = this.#options.rules.ruleFor(kind, name);
    return rule
      ? this.#followed.follow({ channel, kind, name, rule }, route, subscribed)
      : subscribed;
  }

  /** The channel has no member here any more. */
  unfollow(channel: string): void {
    this.#followed.unfollow(channel);
  }

  /** The client did not read, and was paused in a history. */
  catchUp(member: Connection): void {
    this.#catchUps.start(member);
  }

  /**
   * An entry came on a channel. False if it is not intelligible.
   * @param route whom the channel stands for; undefined: for nobody here, any more
   */
  receive(channel: string, bytes: Buffer, route: Route | undefined): boolean {
    const entry = decodeLogEntry(bytes);
    if (!entry) return false;
    if (!route) return true;
    // An instance that knows no rule for it, as while a deploy adds one, takes it as it comes.
    if (!this.#followed.arrive(channel, entry)) this.#deliver(route, entry);
    return true;
  }

  /** @returns the function that takes the listener off */
  onLost(listener: (loss: ContinuityLoss) => void): () => void {
    const guarded = guardedListener('continuityLost', listener, this.#options.log);
    this.#losses.on('lost', guarded);
    return () => this.#losses.off('lost', guarded);
  }

  close(): void {
    this.#offStatus();
    this.#generation++;
    this.#catchUps.close();
    this.#followed.close();
    this.outbox.close();
    this.#losses.removeAllListeners();
  }

  /**
   * A member that joined while Redis was away is due the messages sent here since: its log is
   * placed before they leave.
   */
  #open(): void {
    const generation = ++this.#generation;
    const { logs, rules, channels } = this.#options;
    // Without it, positions before the first message are known for less long.
    if (rules.any) void logs.prepare(channels.ofEachKey()).catch(() => {});
    this.outbox.prepare();
    void this.#followed.open().then(() => {
      if (generation === this.#generation) this.outbox.open();
    });
  }

  #suspend(): void {
    this.#generation++;
    this.outbox.suspend();
    this.#followed.suspend();
  }

  #deliver(route: Route, entry: LogEntry, log?: LogConsumer): void {
    const { counters } = this.#options;
    const envelope = decodeEnvelope(entry.bytes);
    const position = log && positionOf(log, log.position!.epoch, entry);
    const delivered = envelope && deliverEnvelope(route, envelope, position);
    if (delivered === undefined) {
      counters.malformed++;
      return;
    }
    counters.received++;
    counters.delivered += delivered;
  }

  /** A read for the app does not wait for a Redis that answers nobody. */
  #makeReader(): HistoryReader {
    const { logs, commandTimeoutMs } = this.#options;
    const silence = new Silence(
      commandTimeoutMs,
      () =>
        new BackplaneUnavailableError(
          `Redis has not answered for ${commandTimeoutMs} ms. Read again when it does.`,
        ),
    );
    const read: Logs['read'] = (...args) => silence.wait(logs.read(...args));
    return new HistoryReader({ ...this.#options, logs: { read } });
  }

  #repaired(tookMs: number): void {
    const { counters } = this.#options;
    counters.repairs++;
    counters.repairMs += tookMs;
  }

  #lost(
    { kind, name, route }: LogConsumer,
    { reason, last, top }: Loss,
    member?: Connection,
  ): void {
    const { counters, log } = this.#options;
    counters.lostSpans++;
    const what = kind === 'all' ? 'everyone' : `the ${kind} ${quote(name)}`;
    log.warn(
      `lost:${reason}`,
      `Messages to ${what} in the hub ${quote(route.hub.name)} were lost for its members here (${reason}): they stand at ` +
        `${top.offset} now, after ${last.offset}. onContinuityLost() of a gateway is called.`,
    );
    const loss: ContinuityLoss = {
      hub: route.hub.name,
      room: kind === 'room' ? name : undefined,
      userId: kind === 'user' ? name : undefined,
      reason,
      epoch: top.epoch,
      offset: top.offset,
      lastOffset: last.offset,
      connectionId: member?.id,
    };
    this.#losses.emit('lost', loss);
  }
}
