import { Silence } from '../../timing/silence.js';

/** The recipients that a channel stands for, as far as a subscription needs them. */
export interface ChannelRoute {
  /**
   * Since when the channel is heard, as `performance.now()`; undefined until Redis has confirmed
   * it.
   */
  heardSince?: number;
}

/** The part of the transport that subscriptions need. */
export interface SubscriptionLink {
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): Promise<void>;
}

export interface SubscriptionsOptions {
  /**
   * Where nothing is confirmed for so long although something was asked for, the link is taken for
   * silent.
   */
  readonly confirmTimeoutMs: number;
  /** A subscribe or unsubscribe was refused, or not answered, although the link is open. */
  readonly onRefused: (error: Error) => void;
}

/**
 * For what leaves as one command. OutcomeCallbacks when Redis has confirmed it, or when there is no
 * point in waiting for that.
 */
interface Wait {
  readonly ended: Promise<void>;
  readonly end: () => void;
}

/** So many channels are asked for at a time: each answer shows that the link is not silent. */
const CHANNELS_A_STEP = 512;

const NO_WAIT: Wait = { ended: Promise.resolve(), end: () => {} };

/** A channel that this instance wants to hear. */
export interface Subscription {
  /**
   * Resolves when Redis has confirmed it, or when there is no point in waiting for that. Never
   * rejects.
   */
  readonly confirmed: Promise<void>;
  /** Its recipients, until it is released. Undefined for a channel that is not for broadcasts. */
  route: ChannelRoute | undefined;
  /** Its recipients before it was released: it lingers, and is heard all the while. */
  readonly former: ChannelRoute | undefined;
}

class Entry implements Subscription {
  readonly channel: string;
  readonly wait: Wait;
  route: ChannelRoute | undefined;
  former: ChannelRoute | undefined;
  /** Redis was asked for it, over this link or one before, and may still send its messages. */
  asked = false;
  wanted = true;

  constructor(channel: string, wait: Wait) {
    this.channel = channel;
    this.wait = wait;
  }

  get confirmed(): Promise<void> {
    return this.wait.ended;
  }
}

/**
 * The channels that this instance wants to hear, the recipients that they stand for, and which of
 * them Redis has confirmed. The subscriptions of one turn of the event loop leave as one command,
 * or as several if they are many. A channel that is no longer wanted lingers for a while, since
 * empty rooms tend to fill again.
 *
 * Invariants: a channel is in at most one of `#entries`, `#toUnsubscribe`, and what is `wanted` in
 * `#toSubscribe` is in `#entries`; a lingering channel is in `#entries` still; what was sent over a
 * link that has closed since changes nothing (`#generation`); `#toUnsubscribe` outlives an outage,
 * as the subscriber's connection may have stood all the while, and holds nothing that was not asked
 * for, however long the outage is.
 */
export class Subscriptions {
  readonly #link: SubscriptionLink;
  readonly #options: SubscriptionsOptions;
  readonly #entries = new Map<string, Entry>();
  #toSubscribe: Entry[] = [];
  readonly #toUnsubscribe = new Map<string, Entry>();
  /**
   * Channel to the time when it is given up; in the order of those times, as all linger equally
   * long.
   */
  readonly #lingering = new Map<string, number>();
  /** Of what is in `#toSubscribe`. */
  #nextWait: Wait | undefined;
  #open = false;
  #generation = 0;
  readonly #silence: Silence;
  #flush: NodeJS.Immediate | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;

  constructor(link: SubscriptionLink, options: SubscriptionsOptions) {
    this.#link = link;
    this.#options = options;
    const { confirmTimeoutMs } = options;
    this.#silence = new Silence(
      confirmTimeoutMs,
      () => new Error(`no subscription was confirmed within ${confirmTimeoutMs} ms`),
    );
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether Redis may send what is published on the channel. */
  has(channel: string): boolean {
    return this.#entries.has(channel) || this.#toUnsubscribe.has(channel);
  }

  /** The recipients of the channel; undefined once it is released. */
  routeOf(channel: string): ChannelRoute | undefined {
    return this.#entries.get(channel)?.route;
  }

  /** As {@link routeOf}, also of one that was released and lingers. */
  heardRouteOf(channel: string): ChannelRoute | undefined {
    const entry = this.#entries.get(channel);
    return entry && (entry.route ?? entry.former);
  }

  /**
   * Wants the channel. It is confirmed when Redis says so, however many are asked for before it,
   * and at once while or when the link is away: it is made good when the link is back.
   */
  acquire(channel: string): Subscription {
    // Looking for a long name in an empty map costs as much as in a full one.
    if (this.#lingering.size > 0) this.#lingering.delete(channel);
    const present = this.#entries.get(channel);
    if (present) return present;
    const kept = this.#toUnsubscribe.size > 0 ? this.#toUnsubscribe.get(channel) : undefined;
    const entry = kept ?? this.#newEntry(channel);
    this.#entries.set(channel, entry);
    if (kept) {
      kept.wanted = true;
      this.#toUnsubscribe.delete(channel);
    } else if (this.#open) {
      this.#toSubscribe.push(entry);
      // Redis can begin while this turn goes on.
      if (this.#toSubscribe.length >= CHANNELS_A_STEP) this.#send();
      else this.#flushSoon();
    }
    return entry;
  }

  /** Wants the channel no longer, at once or after it has lingered. */
  release(channel: string, lingerMs = 0): void {
    const entry = this.#entries.get(channel);
    if (!entry) return;
    entry.former = entry.route;
    entry.route = undefined;
    if (lingerMs === 0) return this.#giveUp(channel);
    this.#lingering.delete(channel);
    this.#lingering.set(channel, performance.now() + lingerMs);
    this.#lingerTimer ??= setTimeout(this.#endLingering, lingerMs);
  }

  /**
   * The link is open, and may or may not know channels from before: subscribes to all, and takes
   * back what was given up while it was away. Resolves when all are confirmed. After a rejection:
   * {@link suspend}, or try again.
   */
  async restore(): Promise<void> {
    this.#open = true;
    this.#newGeneration();
    // All of them may take long, or fail: nobody waits for that.
    this.#endNextWait();
    this.#toSubscribe = [];
    const givenUp = [...this.#toUnsubscribe.keys()];
    this.#toUnsubscribe.clear();
    for (const entry of this.#entries.values()) entry.asked = true;
    const wanted = [...this.#entries.keys()];
    await Promise.all([
      this.#inSteps(wanted, (channels) => this.#link.subscribe(channels)),
      this.#inSteps(givenUp, (channels) => this.#link.unsubscribe(channels)),
    ]);
  }

  /** The link is away: nobody waits for it. */
  suspend(): void {
    this.#open = false;
    this.#newGeneration();
    this.#toSubscribe = [];
    this.#endNextWait();
    for (const { wait } of this.#entries.values()) wait.end();
  }

  close(): void {
    this.suspend();
    clearImmediate(this.#flush);
    clearTimeout(this.#lingerTimer);
    this.#lingerTimer = undefined;
    this.#lingering.clear();
    this.#toUnsubscribe.clear();
    this.#entries.clear();
  }

  /** The fate of what was sent over a link that is gone is of no interest. */
  #newGeneration(): void {
    this.#generation++;
    this.#silence.end(new Error('the link was lost'));
  }

  #endNextWait(): void {
    this.#nextWait?.end();
    this.#nextWait = undefined;
  }

  #newEntry(channel: string): Entry {
    return new Entry(channel, this.#open ? (this.#nextWait ??= newWait()) : NO_WAIT);
  }

  #giveUp(channel: string): void {
    const entry = this.#entries.get(channel);
    if (!entry) return;
    this.#lingering.delete(channel);
    this.#entries.delete(channel);
    entry.wanted = false;
    // Not yet asked for: nothing to take back.
    if (!entry.asked) return;
    this.#toUnsubscribe.set(channel, entry);
    if (this.#open) this.#flushSoon();
  }

  #flushSoon(): void {
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      this.#send();
    });
  }

  #send(): void {
    const generation = this.#generation;
    if (this.#toUnsubscribe.size > 0) {
      const channels = [...this.#toUnsubscribe.keys()];
      this.#toUnsubscribe.clear();
      this.#inSteps(channels, (step) => this.#link.unsubscribe(step)).catch((error) =>
        this.#refused(error, generation),
      );
    }
    const entries = this.#toSubscribe.filter(({ wanted }) => wanted);
    this.#toSubscribe = [];
    // Calls that were given up before they left are waited for no longer.
    if (entries.length === 0) return this.#endNextWait();
    const wait = this.#nextWait;
    this.#nextWait = undefined;
    for (const entry of entries) entry.asked = true;
    const channels = entries.map(({ channel }) => channel);
    this.#confirm(channels)
      .catch((error) => this.#refused(error, generation))
      .finally(() => wait?.end());
  }

  /** Rejects as well when nothing is confirmed for too long. */
  async #confirm(channels: readonly string[]): Promise<void> {
    await this.#silence.wait(this.#inSteps(channels, (step) => this.#link.subscribe(step)));
  }

  /** A call that waits behind many channels learns from each step that the link is not silent. */
  async #inSteps(
    channels: readonly string[],
    ask: (step: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const steps: Promise<void>[] = [];
    for (let from = 0; from < channels.length; from += CHANNELS_A_STEP) {
      const step = ask(channels.slice(from, from + CHANNELS_A_STEP));
      steps.push(step.then(() => this.#silence.heard()));
    }
    await Promise.all(steps);
  }

  #refused(error: Error, generation: number): void {
    if (generation === this.#generation) this.#options.onRefused(error);
  }

  readonly #endLingering = (): void => {
    this.#lingerTimer = undefined;
    const now = performance.now();
    for (const [channel, until] of this.#lingering) {
      if (until > now) {
        this.#lingerTimer = setTimeout(this.#endLingering, Math.ceil(until - now));
        return;
      }
      this.#giveUp(channel);
    }
  };
}

function newWait(): Wait {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { ended, end };
}
