import { BackplaneClosedError } from '../../errors/backplane-closed.error.js';
import { BackplaneRefusedError } from '../../errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import { type Ticket, type Withdrawable, WithdrawnError } from '../../transport/ticket.js';
import type { Readiness, Transport } from '../../transport/transport.js';
import type { Counters } from '../counters.js';
import type { Identity } from '../instances/identity.js';
import { asVersion1, encodeLive, type LiveContent, stampAge } from '../wire/envelope.js';
import type { Place } from '../wire/places.js';
import { LiveList } from './live-list.js';
import { AGE_MARGIN_MS, LIST_MARGIN_MS } from './live-options.js';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 500;
/** Of the messages that go again, at most so much is unanswered at a time. */
const MAX_UNANSWERED_MESSAGES = 500;
const MAX_UNANSWERED_BYTES = 512 * 1024;
const PRUNE_EVERY_MS = 5_000;

export interface LiveSenderOptions {
  readonly transport: Pick<Transport, 'publish' | 'readiness'>;
  readonly identity: Identity;
  readonly counters: Counters;
  readonly windowMs: number;
  readonly windowBytes: number;
  /** Whether all other instances read messages with places. */
  readonly isReadByAll: () => boolean;
  /** A message that nobody waits for did not leave, and will not. */
  readonly onUnsent: (error: Error) => void;
}

/** A live message that has no place yet. All channels get the same bytes. */
export interface LiveMessage extends LiveContent {
  readonly channels: readonly string[];
}

/** Somebody waits for the message to leave. */
interface Waiter extends Withdrawable {
  readonly ticket: Ticket;
  /** It may wait until Redis is back. */
  readonly queue: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Sends live messages, each with its places, and keeps them in a list. What Redis did not take goes again, in order, before anything
 * new; and other instances can ask for what they missed.
 *
 * Invariants: while `#againAt` is set, a new message leaves only behind those that go again. An error that is not about one message
 * alone sets it to the oldest message that had one.
 */
export class LiveSender {
  readonly list: LiveList;
  readonly #options: LiveSenderOptions;
  readonly #waiters = new Map<number, Waiter>();
  #sequence = 0;
  /** Where the next message stands that goes again; undefined while new ones leave at once. */
  #againAt: number | undefined;
  /** Since when Redis takes messages again; undefined while it does not. */
  #backAt: number | undefined;
  #lastError: Error | undefined;
  /** Of the messages that went again, those that are not answered. */
  #unansweredMessages = 0;
  #unansweredBytes = 0;
  #retries = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #pruneTimer: NodeJS.Timeout | undefined;
  #waitsForEnd: (() => void)[] = [];
  #isStarted = false;
  #closed = false;

  constructor(options: LiveSenderOptions) {
    const { windowMs, windowBytes } = options;
    this.#options = options;
    this.list = new LiveList(windowBytes, windowMs + LIST_MARGIN_MS, this.#evicted);
  }

  /** Whether some messages have to go again before anything new leaves. */
  get isBehind(): boolean {
    return this.#againAt !== undefined;
  }

  /** How many messages wait for Redis to be back. Takes time that grows with them. */
  get waiting(): number {
    let count = 0;
    const { list } = this;
    for (let at = this.#againAt ?? list.end; at < list.end; at = list.after(at))
      if (list.has(at) && list.state(at) === 'waiting') count++;
    return count;
  }

  /** Resolves when all that was sent so far has left, or when the sender is closed. */
  caughtUp(): Promise<void> {
    if (!this.isBehind) return Promise.resolve();
    return new Promise((resolve) => this.#waitsForEnd.push(resolve));
  }

  /** Nobody waits for the message. */
  emit(message: LiveMessage): void {
    if (!this.#isListed(message)) {
      this.#publishUnlisted(message).catch(this.#options.onUnsent);
      return;
    }
    const [at, bytes] = this.#enter(message);
    if (!this.#mustWait(at)) this.#leave(at, message.channels, bytes, undefined);
  }

  /**
   * Resolves when Redis has taken the message on all its channels. A message that was rejected, or withdrawn by its ticket, is not sent
   * again.
   * @param queue wait for a Redis whose connection is gone
   */
  publish(message: LiveMessage, ticket: Ticket, queue: boolean): Promise<void> {
    if (!this.#isListed(message) || (!queue && this.#readiness(message) === 'down'))
      return this.#publishUnlisted(message, ticket);
    const [at, bytes] = this.#enter(message);
    const left = this.#waitFor(at, ticket, queue);
    if (!this.#mustWait(at)) this.#leave(at, message.channels, bytes, ticket);
    return left;
  }

  /** It is known who reads what: what waited for that leaves. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.resume();
  }

  /** The link stands again: what has to go again is tried at once. */
  resume(): void {
    this.#retries = 0;
    if (this.isBehind) this.#sendAgain();
  }

  /** Of a message that has left, the transport says what became of it. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#pruneTimer);
    for (const [at, { ticket, reject }] of this.#waiters) {
      if (!ticket.isHere) continue;
      this.#waiters.delete(at);
      reject(new BackplaneClosedError());
    }
    this.#againAt = undefined;
    this.#endWaits();
    this.list.clear();
  }

  /** The transport is closed, too. Nobody waits any more, also where the Redis client is the app's and goes on to wait for an answer. */
  end(): void {
    for (const { reject } of this.#waiters.values()) reject(new BackplaneClosedError());
    this.#waiters.clear();
  }

  /** No place have volatile messages, those that would fill half of the list, and those that the transport has no room for. */
  #isListed(message: LiveMessage): boolean {
    if (message.volatile || !this.list.fits(lengthOf(message), message.channels.length))
      return false;
    return this.isBehind || this.#readiness(message) !== 'full';
  }

  #readiness(message: LiveMessage): Readiness {
    return this.#options.transport.readiness(lengthOf(message) * message.channels.length);
  }

  #publishUnlisted(message: LiveMessage, ticket?: Ticket): Promise<void> {
    if (this.isBehind && this.#lastError) {
      // It would overtake those that go again.
      ticket?.stays();
      return Promise.reject(this.#lastError);
    }
    const places = this.list.newest(message.channels, performance.now());
    return this.#publish(message.channels, this.#encode(message, places, false), ticket);
  }

  /** Apart from the sending: who waits must not keep the message, of which the list has a copy. */
  #waitFor(at: number, ticket: Ticket, queue: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const withdraw = (): void => this.#fail(at, new WithdrawnError());
      const waiter = { ticket, queue, resolve, reject, withdraw };
      this.#waiters.set(at, waiter);
      ticket.stays(waiter);
    });
  }

  /** Behind those that go again, or until it is known who reads what. */
  #mustWait(at: number): boolean {
    if (!this.#isStarted) this.#againAt ??= at;
    return this.isBehind;
  }

  #enter(message: LiveMessage): [position: number, bytes: Buffer] {
    const { channels } = message;
    const now = performance.now();
    const places = this.list.next(channels, now);
    const bytes = this.#encode(message, places);
    this.#pruneTimer ??= setTimeout(this.#prune, PRUNE_EVERY_MS).unref();
    return [this.list.push(channels, places, bytes, now), bytes];
  }

  #encode(message: LiveMessage, places: readonly Place[], isListed = true): Buffer {
    const { life } = this.#options.identity;
    return encodeLive(message, life, ++this.#sequence, places, isListed);
  }

  #leave(at: number, channels: readonly string[], bytes: Buffer, ticket: Ticket | undefined): void {
    this.#publish(channels, bytes, ticket).then(
      () => this.#left(at),
      (error: Error) => this.#failed(at, error),
    );
  }

  async #publishToAll(channels: readonly string[], bytes: Buffer, ticket?: Ticket): Promise<void> {
    const { transport } = this.#options;
    await Promise.all(channels.map((channel) => transport.publish(channel, bytes, { ticket })));
  }

  #publish(channels: readonly string[], bytes: Buffer, ticket?: Ticket): Promise<void> {
    if (channels.length !== 1) return this.#publishToAll(channels, bytes, ticket);
    return this.#options.transport.publish(channels[0]!, bytes, ticket && { ticket });
  }

  #left(at: number): void {
    this.list.mark(at, 'left');
    if (this.#waiters.size === 0) return;
    this.#waiters.get(at)?.resolve();
    this.#waiters.delete(at);
  }

  #failed(at: number, error: Error): void {
    if (this.#closed && !this.#waiters.has(at)) return;
    if (!this.list.has(at)) return this.#fail(at, error);
    // It has left by another try since, or is not to leave.
    if (this.list.state(at) !== 'waiting') return;
    const waiter = this.#waiters.get(at);
    const isAboutThisOne = error instanceof BackplaneRefusedError;
    if (isAboutThisOne || (waiter && !waiter.queue)) this.#fail(at, error);
    if (isAboutThisOne) return;
    this.#lastError = error;
    this.#backAt = undefined;
    this.#againAt = Math.min(this.#againAt ?? Infinity, at);
    this.#retryLater();
  }

  /** The message is not sent again. */
  #fail(at: number, error: Error): void {
    this.list.mark(at, 'void');
    const waiter = this.#waiters.get(at);
    this.#waiters.delete(at);
    if (waiter) waiter.reject(error);
    else this.#options.onUnsent(error);
  }

  #retryLater(): void {
    if (this.#retryTimer || this.#closed) return;
    const ms = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#retries++);
    this.#retryTimer = setTimeout(() => this.#sendAgain(), ms);
  }

  /** Until it is known that Redis takes messages again, it gets one alone. */
  get #hasRoom(): boolean {
    if (this.#backAt === undefined) return this.#unansweredMessages === 0;
    return (
      this.#unansweredMessages < MAX_UNANSWERED_MESSAGES &&
      this.#unansweredBytes < MAX_UNANSWERED_BYTES
    );
  }

  #sendAgain(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    if (!this.#isStarted || this.#closed) return;
    const { list } = this;
    while (this.#againAt !== undefined && this.#hasRoom) {
      const at = Math.max(this.#againAt, list.begin);
      if (at >= list.end) return this.#isCaughtUp();
      this.#againAt = list.after(at);
      if (list.state(at) === 'waiting') this.#sendOneAgain(at);
    }
  }

  #sendOneAgain(at: number): void {
    const { list } = this;
    const { counters, windowMs, isReadByAll } = this.#options;
    const record = list.record(at);
    const now = performance.now();
    if ((this.#backAt ?? now) - record.at > windowMs + AGE_MARGIN_MS)
      return this.#fail(at, tooOld(now - record.at));
    const bytes = list.message(at);
    stampAge(bytes, now - record.at);
    this.#unansweredMessages++;
    this.#unansweredBytes += bytes.length;
    const channels = record.channels.map(({ name }) => name);
    for (const channel of record.channels) channel.leftAt = now;
    const answered = (): void => {
      this.#unansweredMessages--;
      this.#unansweredBytes -= bytes.length;
    };
    const sent = isReadByAll() ? bytes : asVersion1(bytes);
    this.#publish(channels, sent, this.#waiters.get(at)?.ticket).then(
      () => {
        answered();
        counters.resent++;
        this.#backAt ??= performance.now();
        this.#retries = 0;
        this.#left(at);
        if (this.isBehind) this.#sendAgain();
      },
      (error: Error) => {
        answered();
        this.#failed(at, error);
        // It was about that message alone.
        if (this.isBehind && !this.#retryTimer) this.#sendAgain();
      },
    );
  }

  #isCaughtUp(): void {
    this.#againAt = undefined;
    this.#endWaits();
  }

  #endWaits(): void {
    for (const end of this.#waitsForEnd.splice(0)) end();
  }

  /** A message leaves the list. One that is under way may still arrive. */
  readonly #evicted = (at: number): void => {
    if (this.#againAt === undefined || at < this.#againAt) return;
    if (this.list.state(at) === 'waiting') this.#fail(at, noRoom());
  };

  readonly #prune = (): void => {
    this.#pruneTimer = undefined;
    this.list.prune(performance.now());
    if (this.list.size > 0) this.#pruneTimer = setTimeout(this.#prune, PRUNE_EVERY_MS).unref();
    else this.list.clear();
  };
}

function lengthOf({ target, payload }: LiveMessage): number {
  return target.length + payload.length;
}

function tooOld(ageMs: number): BackplaneUnavailableError {
  return new BackplaneUnavailableError(
    `Redis was away for too long: a message of ${Math.round(ageMs / 1_000)} s ago was not sent ("liveWindowMs").`,
  );
}

function noRoom(): BackplaneUnavailableError {
  return new BackplaneUnavailableError(
    'Redis is away for too long, or more was sent meanwhile than is kept: the oldest messages are not sent ("liveWindowMs", "liveWindowBytes").',
  );
}
