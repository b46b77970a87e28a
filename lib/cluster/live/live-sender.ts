import { BackplaneClosedError } from '../../errors/backplane-closed.error.js';
import { BackplaneRefusedError } from '../../errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import { type Ticket, type Withdrawable, WithdrawnError } from '../../transport/ticket.js';
import type { Readiness, Transport } from '../../transport/transport.js';
import type { Counters } from '../common/counters.js';
import type { Identity } from '../membership/identity.js';
import { encodeLive, type LiveContent } from '../wire/envelope.js';
import type { LivePosition } from '../wire/live-position.js';
import { type LiveOutcomeCallbacks, PendingLiveMessage } from './pending-live-message.js';
import { LiveList } from './live-list.js';
import { LIST_MARGIN_MS } from './live-options.js';
import { LiveRetries } from './live-retries.js';

const PRUNE_EVERY_MS = 5_000;

export interface LiveSenderOptions {
  readonly transport: Pick<Transport, 'post' | 'publish' | 'readiness'>;
  readonly identity: Identity;
  readonly counters: Counters;
  readonly windowMs: number;
  readonly windowBytes: number;
  /** Whether all other instances read messages with positions. */
  readonly isReadByAll: () => boolean;
  /** A message that nobody waits for did not leave, and will not. */
  readonly onUnsent: (error: Error) => void;
}

/** A live message that has no position yet. All channels get the same bytes. */
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
 * Sends live messages, each with its positions, and keeps them in a list. Messages that Redis did
 * not take are sent again ({@link LiveRetries}). Other instances can ask for messages that they
 * missed.
 */
export class LiveSender {
  readonly list: LiveList;
  readonly #options: LiveSenderOptions;
  readonly #waiters = new Map<number, Waiter>();
  readonly #retries: LiveRetries;
  readonly #ends: LiveOutcomeCallbacks = {
    left: (at) => this.#left(at),
    failed: (at, _, error) => this.#failed(at, error),
  };
  #sequence = 0;
  #pruneTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LiveSenderOptions) {
    const { windowMs, windowBytes } = options;
    this.#options = options;
    this.list = new LiveList(windowBytes, windowMs + LIST_MARGIN_MS, this.#evicted);
    this.#retries = new LiveRetries({
      ...options,
      list: this.list,
      leave: (at, channels, bytes, ends) =>
        this.#leave(at, channels, bytes, this.#waiters.get(at)?.ticket, ends),
      left: (at) => this.#left(at),
      failed: (at, error) => this.#failed(at, error),
      tooOld: (at, error) => this.#fail(at, error),
    });
  }

  /** Whether some messages have to be sent again before anything new leaves. */
  get isBehind(): boolean {
    return this.#retries.isBehind;
  }

  /** How many messages wait for Redis to be back. Takes time that grows with them. */
  get waiting(): number {
    return this.#retries.waiting;
  }

  /** Resolves when all that was sent so far has left, or when the sender is closed. */
  caughtUp(): Promise<void> {
    return this.#retries.caughtUp();
  }

  /** Nobody waits for the message. */
  emit(message: LiveMessage): void {
    if (!this.#isListed(message)) {
      this.#publishUnlisted(message).catch(this.#options.onUnsent);
      return;
    }
    const [at, bytes] = this.#enter(message);
    if (!this.#retries.mustWait(at)) this.#leave(at, message.channels, bytes, undefined);
  }

  /**
   * Resolves when Redis has taken the message on all its channels. A message that was rejected, or
   * withdrawn by its ticket, is not sent again.
   * @param queue wait for a Redis whose connection is gone
   */
  publish(message: LiveMessage, ticket: Ticket, queue: boolean): Promise<void> {
    if (!this.#isListed(message) || (!queue && this.#readiness(message) === 'down'))
      return this.#publishUnlisted(message, ticket);
    const [at, bytes] = this.#enter(message);
    const left = this.#waitFor(at, ticket, queue);
    if (!this.#retries.mustWait(at)) this.#leave(at, message.channels, bytes, ticket);
    return left;
  }

  /** It is known who reads what: what waited for that leaves. */
  start(): void {
    this.#retries.start();
  }

  /** The link is back: messages to send again are tried at once. */
  resume(): void {
    this.#retries.resume();
  }

  /** Of a message that has left, the transport says what became of it. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#pruneTimer);
    for (const [at, { ticket, reject }] of this.#waiters) {
      if (!ticket.isHere) continue;
      this.#waiters.delete(at);
      reject(new BackplaneClosedError());
    }
    this.#retries.close();
    this.list.clear();
  }

  /**
   * The transport is closed, too. Nobody waits any more, also where the Redis client is the app's
   * and goes on to wait for an answer.
   */
  end(): void {
    for (const { reject } of this.#waiters.values()) reject(new BackplaneClosedError());
    this.#waiters.clear();
  }

  /**
   * Volatile messages have no position, nor have messages that would fill half of the list, or that
   * the transport has no room for.
   */
  #isListed(message: LiveMessage): boolean {
    if (message.volatile || !this.list.fits(lengthOf(message), message.channels.length))
      return false;
    return this.isBehind || this.#readiness(message) !== 'full';
  }

  #readiness(message: LiveMessage): Readiness {
    return this.#options.transport.readiness(lengthOf(message) * message.channels.length);
  }

  #publishUnlisted(message: LiveMessage, ticket?: Ticket): Promise<void> {
    const { isBehind, lastError } = this.#retries;
    if (isBehind && lastError) {
      // It would overtake those that are sent again.
      ticket?.stays();
      return Promise.reject(lastError);
    }
    const positions = this.list.newest(message.channels, performance.now());
    return this.#publish(message.channels, this.#encode(message, positions, false), ticket);
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

  #enter(message: LiveMessage): [slot: number, bytes: Buffer] {
    const { channels } = message;
    const now = performance.now();
    const positions = this.list.next(channels, now);
    const bytes = this.#encode(message, positions);
    this.#pruneTimer ??= setTimeout(this.#prune, PRUNE_EVERY_MS).unref();
    return [this.list.push(channels, positions, bytes, now), bytes];
  }

  #encode(message: LiveMessage, positions: readonly LivePosition[], isListed = true): Buffer {
    const { life } = this.#options.identity;
    return encodeLive(message, life, ++this.#sequence, positions, isListed);
  }

  #leave(
    at: number,
    channels: readonly string[],
    bytes: Buffer,
    ticket: Ticket | undefined,
    ends = this.#ends,
  ): void {
    const { transport } = this.#options;
    const departure = new PendingLiveMessage(at, bytes.length, channels.length, ends);
    for (const channel of channels) transport.post(channel, bytes, departure, ticket);
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
    if (!isAboutThisOne) this.#retries.retry(at, error);
  }

  /** The message is not sent again. */
  #fail(at: number, error: Error): void {
    this.list.mark(at, 'void');
    const waiter = this.#waiters.get(at);
    this.#waiters.delete(at);
    if (waiter) waiter.reject(error);
    else this.#options.onUnsent(error);
  }

  /** A message leaves the list. One that is under way may still arrive. */
  readonly #evicted = (at: number): void => {
    if (this.#retries.has(at) && this.list.state(at) === 'waiting') this.#fail(at, noRoom());
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

function noRoom(): BackplaneUnavailableError {
  return new BackplaneUnavailableError(
    'Redis is away for too long, or more was sent meanwhile than is kept: the oldest messages are not sent ("liveWindowMs", "liveWindowBytes").',
  );
}
