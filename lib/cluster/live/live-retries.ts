import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import type { Counters } from '../common/counters.js';
import { asVersion1, stampAge } from '../wire/envelope.js';
import type { LiveOutcomeCallbacks } from './pending-live-message.js';
import type { LiveList } from './live-list.js';
import { AGE_MARGIN_MS } from './live-options.js';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 500;
/** The limit of unanswered messages among those that are sent again. */
const MAX_UNANSWERED_MESSAGES = 500;
const MAX_UNANSWERED_BYTES = 512 * 1024;

export interface LiveRetriesOptions {
  readonly list: LiveList;
  readonly counters: Counters;
  readonly windowMs: number;
  /** Whether all other instances read messages with positions. */
  readonly isReadByAll: () => boolean;
  readonly leave: (
    at: number,
    channels: readonly string[],
    bytes: Buffer,
    ends: LiveOutcomeCallbacks,
  ) => void;
  /** A message has left. */
  readonly left: (at: number) => void;
  /** A message did not leave. It is sent again if it is handed to {@link LiveRetries.retry}. */
  readonly failed: (at: number, error: Error) => void;
  /** A message is too old, and is not sent any more. */
  readonly tooOld: (at: number, error: Error) => void;
}

/**
 * Sends again what Redis did not take: in order, and before anything new.
 *
 * Invariants: while `#at` is set, a new message leaves only behind those that are sent again. An
 * error that is not about one message alone sets it to the oldest message that had one.
 */
export class LiveRetries implements LiveOutcomeCallbacks {
  readonly #options: LiveRetriesOptions;
  /** The slot of the next message to send again; undefined while new ones leave at once. */
  #at: number | undefined;
  /** Since when Redis takes messages again; undefined while it does not. */
  #backAt: number | undefined;
  #lastError: Error | undefined;
  /** The messages that were sent again and are not answered. */
  #unansweredMessages = 0;
  #unansweredBytes = 0;
  #retries = 0;
  #timer: NodeJS.Timeout | undefined;
  #waitsForEnd: (() => void)[] = [];
  #isStarted = false;
  #closed = false;

  constructor(options: LiveRetriesOptions) {
    this.#options = options;
  }

  /** Whether some messages have to be sent again before anything new leaves. */
  get isBehind(): boolean {
    return this.#at !== undefined;
  }

  /** Why Redis took nothing when it was tried last. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** How many messages wait for Redis to be back. Takes time that grows with them. */
  get waiting(): number {
    const { list } = this.#options;
    let count = 0;
    for (let at = this.#at ?? list.end; at < list.end; at = list.after(at))
      if (list.has(at) && list.state(at) === 'waiting') count++;
    return count;
  }

  /** Resolves when all that was sent so far has left, or when nothing is sent again any more. */
  caughtUp(): Promise<void> {
    if (!this.isBehind) return Promise.resolve();
    return new Promise((resolve) => this.#waitsForEnd.push(resolve));
  }

  /**
   * Whether a new message, which stands there, has to wait: behind those that are sent again, or
   * until {@link start}.
   */
  mustWait(at: number): boolean {
    if (!this.#isStarted) this.#at ??= at;
    return this.isBehind;
  }

  /** It is known who reads what: what waited for that leaves. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.resume();
  }

  /** The link is back: messages to send again are tried at once. */
  resume(): void {
    this.#retries = 0;
    if (this.isBehind) this.#send();
  }

  /** Sends the message again, and all behind it. */
  retry(at: number, error: Error): void {
    if (this.#closed) return;
    this.#lastError = error;
    this.#backAt = undefined;
    this.#at = Math.min(this.#at ?? Infinity, at);
    this.#later();
  }

  /** Whether the message there would have gone again. */
  has(at: number): boolean {
    return this.#at !== undefined && at >= this.#at;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#isCaughtUp();
  }

  /** A message that was sent again has left. */
  left(at: number, bytes: number): void {
    this.#answered(bytes);
    this.#options.counters.resent++;
    this.#backAt ??= performance.now();
    this.#retries = 0;
    this.#options.left(at);
    if (this.isBehind) this.#send();
  }

  /** A message that was sent again has not left. */
  failed(at: number, bytes: number, error: Error): void {
    this.#answered(bytes);
    this.#options.failed(at, error);
    // It was about that message alone.
    if (this.isBehind && !this.#timer) this.#send();
  }

  /** Until it is known that Redis takes messages again, it gets one alone. */
  get #hasRoom(): boolean {
    if (this.#backAt === undefined) return this.#unansweredMessages === 0;
    return (
      this.#unansweredMessages < MAX_UNANSWERED_MESSAGES &&
      this.#unansweredBytes < MAX_UNANSWERED_BYTES
    );
  }

  #later(): void {
    if (this.#timer || this.#closed) return;
    const ms = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#retries++);
    this.#timer = setTimeout(() => this.#send(), ms);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isStarted || this.#closed) return;
    const { list } = this.#options;
    while (this.#at !== undefined && this.#hasRoom) {
      const at = Math.max(this.#at, list.begin);
      if (at >= list.end) return this.#isCaughtUp();
      this.#at = list.after(at);
      if (list.state(at) === 'waiting') this.#sendOne(at);
    }
  }

  #sendOne(at: number): void {
    const { list, windowMs, isReadByAll, leave, tooOld } = this.#options;
    const { at: sentAt, channels } = list.record(at);
    const now = performance.now();
    if ((this.#backAt ?? now) - sentAt > windowMs + AGE_MARGIN_MS)
      return tooOld(at, tooOldError(now - sentAt));
    const listed = list.message(at);
    stampAge(listed, now - sentAt);
    const bytes = isReadByAll() ? listed : asVersion1(listed);
    this.#unansweredMessages++;
    this.#unansweredBytes += bytes.length;
    for (const channel of channels) channel.leftAt = now;
    const names = channels.map(({ name }) => name);
    leave(at, names, bytes, this);
  }

  #answered(bytes: number): void {
    this.#unansweredMessages--;
    this.#unansweredBytes -= bytes;
  }

  #isCaughtUp(): void {
    this.#at = undefined;
    for (const end of this.#waitsForEnd.splice(0)) end();
  }
}

function tooOldError(ageMs: number): BackplaneUnavailableError {
  return new BackplaneUnavailableError(
    `Redis was away for too long: a message of ${Math.round(ageMs / 1_000)} s ago was not sent ("liveWindowMs").`,
  );
}
