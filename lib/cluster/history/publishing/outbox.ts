import { BackplaneClosedError } from '../../../errors/backplane-closed.error.js';
import { BackplaneNotReplicatedError } from '../../../errors/backplane-not-replicated.error.js';
import { BackplaneRefusedError } from '../../../errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../../errors/backplane-unavailable.error.js';
import { Deadline } from '../../../timing/deadline.js';
import type { Append, Appended, Logs } from '../../../transport/logs.js';
import { Ticket, WithdrawnError } from '../../../transport/ticket.js';
import { DEFAULT_BUFFER_BYTES, OVERHEAD_BYTES } from '../../../transport/waits.js';

/** How many messages, and how many bytes of them, wait for a Redis that is away. */
const MAX_WAITING = 1_000;
const MAX_WAITING_BYTES = 1024 * 1024;

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 2_000;

/**
 * A message that was tried this part of its id's lifetime ago is not tried again: it might be
 * there, and its id forgotten.
 */
const TRUSTED_PART_OF_ID = 0.8;

export interface OutboxOptions {
  /** Wait while Redis is away, for as long as that is. Otherwise what cannot leave is rejected. */
  readonly waits: boolean;
  /** When it is rejected in any case; undefined: never. */
  readonly timeoutMs: number | undefined;
}

interface Outgoing {
  /** In the order of the calls. */
  readonly number: number;
  readonly append: Append;
  readonly waits: boolean;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
  /** Of what has been handed over. */
  readonly ticket: Ticket;
  firstTriedAt: number | undefined;
  /** It was handed over, and taken back before it left, as one before it has to come first. */
  isCalledBack: boolean;
}

/** The state of a channel while something to it is under way. */
interface Traffic {
  /** The numbers of what is. */
  readonly inFlight: Set<number>;
  /** The number of the newest message that the log took; 0: none. */
  lastAcked: number;
}

type OutboxState = 'away' | 'preparing' | 'open' | 'closed';

/**
 * Brings messages to their logs, in the order of the calls. While Redis is away they wait, a
 * bounded number of them, and leave under their own ids when it is back, so that one that had left
 * unnoticed does not come twice.
 *
 * Invariants: `#waiting` is in the order of the numbers; while anything waits, nothing that came
 * later leaves before it; a message is not sent again once its log took a later one, or while it
 * may still take one.
 */
export class Outbox {
  readonly #logs: Pick<Logs, 'append'>;
  readonly #bufferBytes: number;
  readonly #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  /** Handed over, and not answered. */
  readonly #handedOver = new Set<Outgoing>();
  /** By channel. */
  readonly #traffic = new Map<string, Traffic>();
  #lastNumber = 0;
  #state: OutboxState = 'away';
  readonly #drains: (() => void)[] = [];
  #retries = 0;
  #retryTimer: NodeJS.Timeout | undefined;

  /**
   * @param bufferBytes what may wait while Redis is there, with 512 bytes for each message besides
   * its own
   */
  constructor(logs: Pick<Logs, 'append'>, bufferBytes = DEFAULT_BUFFER_BYTES) {
    this.#logs = logs;
    this.#bufferBytes = bufferBytes;
  }

  /** How many messages wait for Redis. */
  get depth(): number {
    return this.#waiting.length;
  }

  /**
   * Resolves when the log has the message. Rejects with `BackplaneUnavailableError` or
   * `BackplaneClosedError`.
   */
  send(append: Append, { waits, timeoutMs }: OutboxOptions): Promise<Appended> {
    return new Promise<Appended>((resolve, reject) => {
      let deadline: Deadline | undefined;
      const item: Outgoing = {
        number: ++this.#lastNumber,
        append,
        waits,
        resolve: (appended) => {
          deadline?.cancel();
          resolve(appended);
        },
        reject: (error) => {
          deadline?.cancel();
          reject(error);
        },
        ticket: new Ticket(),
        firstTriedAt: undefined,
        isCalledBack: false,
      };
      if (timeoutMs !== undefined)
        deadline = new Deadline(timeoutMs, () => this.#timeOut(item, timeoutMs));
      this.#take(item);
    });
  }

  /** Redis is there: what comes from now on may wait, as nothing leaves before {@link open}. */
  prepare(): void {
    this.#state = 'preparing';
  }

  /** Waiting messages leave. */
  open(): void {
    this.#state = 'open';
    this.#retries = 0;
    this.#drain();
  }

  /** Redis is away. */
  suspend(): void {
    this.#state = 'away';
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#endDrains();
  }

  /** Resolves when nothing waits any more, or when Redis is away. */
  async drained(): Promise<void> {
    if (this.#isDrained) return;
    await new Promise<void>((resolve) => this.#drains.push(resolve));
  }

  get #isDrained(): boolean {
    return this.#waiting.length === 0 || this.#state === 'away' || this.#state === 'closed';
  }

  #endDrains(): void {
    if (this.#isDrained) for (const resolve of this.#drains.splice(0)) resolve();
  }

  /** Rejects what waits, with `BackplaneClosedError`. */
  close(): void {
    this.suspend();
    this.#state = 'closed';
    for (const item of this.#waiting.splice(0)) item.reject(new BackplaneClosedError());
    this.#waitingBytes = 0;
  }

  #take(item: Outgoing): void {
    if (this.#state === 'closed') return item.reject(new BackplaneClosedError());
    if (this.#state === 'open' && this.#waiting.length === 0) return this.#try(item);
    if (this.#state === 'away' && !item.waits)
      return item.reject(
        new BackplaneUnavailableError(
          'Redis is away, so the message was not sent. Send it again, with the same "id", or let it wait with { queue: true }.',
        ),
      );
    const fullReason = this.#fullReason(item.append.bytes.length);
    if (fullReason === undefined) this.#wait(item);
    else item.reject(new BackplaneUnavailableError(fullReason));
  }

  #fullReason(length: number): string | undefined {
    const [messages, bytes] = [this.#waiting.length, this.#waitingBytes];
    if (this.#state === 'away') {
      if (messages < MAX_WAITING && bytes + length <= MAX_WAITING_BYTES) return undefined;
      return (
        `Redis is away, and the outbox is full (${messages} messages of ${bytes} bytes; ` +
        `${MAX_WAITING} of ${MAX_WAITING_BYTES} may wait), so the message was not kept.`
      );
    }
    const wouldBe = bytes + length + (messages + 1) * OVERHEAD_BYTES;
    if (messages === 0 || wouldBe <= this.#bufferBytes) return undefined;
    return (
      `Redis has not taken ${messages} messages of ${bytes} bytes that are to come first, and no more may wait ` +
      `("redisBufferBytes" is ${this.#bufferBytes}), so the message was not kept.`
    );
  }

  #try(item: Outgoing): void {
    const isFirst = item.firstTriedAt === undefined;
    item.firstTriedAt ??= performance.now();
    this.#leaves(item);
    this.#logs.append(item.append, item.ticket).then(
      (appended) => {
        this.#retries = 0;
        // The message that the app sent under that id before stands where it did: it overtakes
        // nothing.
        if (!isFirst || !appended.duplicate) this.#taken(item);
        item.resolve(appended);
        this.#settled(item);
      },
      (error: Error) => {
        this.#failed(item, error);
        this.#settled(item);
      },
    );
  }

  #leaves(item: Outgoing): void {
    this.#handedOver.add(item);
    const {
      number,
      append: { channel },
    } = item;
    const traffic = this.#traffic.get(channel);
    if (traffic) traffic.inFlight.add(number);
    else this.#traffic.set(channel, { inFlight: new Set([number]), lastAcked: 0 });
  }

  #settled(item: Outgoing): void {
    this.#handedOver.delete(item);
    const {
      number,
      append: { channel },
    } = item;
    const { inFlight } = this.#traffic.get(channel)!;
    inFlight.delete(number);
    if (inFlight.size === 0) this.#traffic.delete(channel);
    // Only what waited for this has no time set for its next try.
    if (this.#waiting.length > 0 && this.#state === 'open' && !this.#retryTimer) this.#drain();
  }

  /**
   * Redis may refuse a message in passing and take the one behind it: the first could only come
   * after that.
   */
  #taken({ number, append: { channel } }: Outgoing): void {
    const traffic = this.#traffic.get(channel)!;
    traffic.lastAcked = Math.max(traffic.lastAcked, number);
    for (let at = 0; at < this.#waiting.length && this.#waiting[at]!.number < number;) {
      if (this.#waiting[at]!.append.channel === channel) this.#remove(at).reject(overtaken());
      else at++;
    }
  }

  #failed(item: Outgoing, error: Error): void {
    if (item.ticket.isHere) item.firstTriedAt = undefined;
    const isCalledBack = item.isCalledBack && error.cause instanceof WithdrawnError;
    item.isCalledBack = false;
    // It goes on to wait, as all do that come behind what waits.
    if (isCalledBack && this.#state !== 'closed' && (item.waits || this.#state !== 'away'))
      return this.#wait(item);
    const isInLog = error instanceof BackplaneNotReplicatedError;
    if (isInLog) this.#taken(item);
    // A second try cannot change a refusal.
    const isFinal = isInLog || error instanceof BackplaneRefusedError;
    if (this.#state === 'closed' || !item.waits || isFinal) return item.reject(error);
    const { lastAcked } = this.#traffic.get(item.append.channel)!;
    if (item.number < lastAcked) return item.reject(overtaken(error));
    const isFirst = this.#waiting.length === 0;
    this.#wait(item);
    if (isFirst) this.#callBackAfter(item);
    if (this.#state === 'open') this.#retryLater();
  }

  /** Messages that were handed over after the item and have not left come behind it. */
  #callBackAfter({ number }: Outgoing): void {
    for (const later of this.#handedOver) {
      if (later.number <= number) continue;
      later.isCalledBack = true;
      later.ticket.withdraw();
    }
  }

  /**
   * In order: messages that were in flight when the link was cut come before later ones.
   */
  #wait(item: Outgoing): void {
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.number > item.number) at--;
    this.#waiting.splice(at, 0, item);
    this.#waitingBytes += item.append.bytes.length;
  }

  #remove(at: number): Outgoing {
    const [item] = this.#waiting.splice(at, 1);
    this.#waitingBytes -= item!.append.bytes.length;
    this.#endDrains();
    return item!;
  }

  #retryLater(): void {
    if (this.#retryTimer) return;
    const ms = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#retries++);
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#drain();
    }, ms);
  }

  /**
   * Unless something might come behind what is under way by that: then as soon as it is known what
   * became of what came later.
   */
  #drain(): void {
    if (this.#waiting.some((item) => this.#isBehindLater(item))) return;
    const leaving = this.#waiting.splice(0);
    this.#waitingBytes = 0;
    const now = performance.now();
    for (const item of leaving) {
      const triedForMs = item.firstTriedAt === undefined ? 0 : now - item.firstTriedAt;
      if (triedForMs <= item.append.idempotencyTtlMs * TRUSTED_PART_OF_ID) this.#try(item);
      else
        item.reject(
          new BackplaneUnavailableError(
            'Redis was away for longer than it remembers message ids, so the message was not sent again: it may have left before.',
          ),
        );
    }
    this.#endDrains();
  }

  #isBehindLater({ number, append: { channel } }: Outgoing): boolean {
    const inFlight = this.#traffic.get(channel)?.inFlight ?? [];
    for (const other of inFlight) if (other > number) return true;
    return false;
  }

  #timeOut(item: Outgoing, ms: number): void {
    const at = this.#waiting.indexOf(item);
    if (at >= 0) this.#remove(at);
    item.isCalledBack = false;
    if (item.ticket.withdraw()) item.firstTriedAt = undefined;
    const fate =
      item.firstTriedAt === undefined
        ? 'it was not sent'
        : 'it may still leave; to send it again with the same "id" is safe';
    item.reject(
      new BackplaneUnavailableError(`Redis did not confirm the message within ${ms} ms; ${fate}.`),
    );
  }
}

function overtaken(cause?: Error): BackplaneUnavailableError {
  return new BackplaneUnavailableError(
    'A later message to the same target was taken before this one, so it was not sent again, out of its order: it may have left before.',
    { cause },
  );
}
