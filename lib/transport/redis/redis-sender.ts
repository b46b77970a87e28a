import { type Ticket, WithdrawnError } from '../ticket.js';
import type { Lane, Readiness, Sending } from '../transport.js';
import { DEFAULT_BUFFER_BYTES, type Waits } from '../waits.js';
import { OneWriteATurn } from './one-write-a-turn.js';
import { OutgoingQueue, Waiting } from './outgoing-queue.js';
import type { RedisClients } from './redis-clients.js';
import { ReplyWatch } from './reply-watch.js';

/** What ioredis is given ahead of Redis's answers. What is beyond waits here, where it can be counted, overtaken and withdrawn. */
const MAX_UNANSWERED_MESSAGES = 2_000;
const MAX_UNANSWERED_BYTES = 1024 * 1024;

/** Beyond the limit, for requests and answers. */
const CONTROL_RESERVE_BYTES = 16 * 1024 * 1024;

/** Refused is everything, from the first message that is, until no more than this part of the limit waits. */
const ROOM_AGAIN_PART = 0.5;

const DEFAULT_ANSWER_TIMEOUT_MS = 2_000;

const DATA: Sending = {};
const WITHDRAWN = new WithdrawnError();

export interface RedisSenderOptions {
  readonly clients: RedisClients;
  /** Why nothing can be sent for now; undefined while it can. */
  readonly downReason: () => string | undefined;
  /** What may wait. Default 64 MiB. */
  readonly bufferBytes?: number;
  /** A Redis that answers nothing for so long is taken for lost. Default 2,000. */
  readonly answerTimeoutMs?: number;
  /** Called when it is, once until it answers. */
  readonly onSilent?: (reason: string) => void;
}

/** What is to be sent. */
export interface Outgoing<T> {
  /** Its bytes. */
  readonly length: number;
  /** Hands it to ioredis, when its turn has come. */
  readonly command: () => Promise<T>;
  /** Makes the error that it rejects with. The error may be given to others with the same function. */
  readonly failed: (error: Error) => Error;
}

interface Drain {
  /** So many messages must have been settled. */
  readonly settled: number;
  readonly end: () => void;
}

class WaitingMessage extends Waiting {
  constructor(
    readonly outgoing: Outgoing<unknown>,
    readonly ticket: Ticket | undefined,
    readonly resolve: (answer: unknown) => void,
    readonly reject: (error: Error) => void,
    private readonly withdrawn: (message: WaitingMessage) => void,
  ) {
    super(outgoing.length);
  }

  withdraw(): void {
    this.withdrawn(this);
  }
}

/**
 * Sends messages over the connection for commands, in the order of the calls, and those of one turn in one write. ioredis is given a
 * little ahead of Redis's answers; the rest waits here, and leaves as they come. Urgent messages go straight.
 *
 * Invariants: while anything waits, nothing that came later leaves but what is urgent; what waits is bounded, and so is what has left
 * and is not answered; a message that was refused is not overtaken before whoever sent it can know: that is some microtasks later, and
 * smaller ones may have been sent by then, for which there would be room. So they are refused, too, until much room is there again.
 * (Not behind one of more than half of the limit, which is refused while little waits: it would hold up all the others.)
 */
export class RedisSender {
  readonly #clients: RedisClients;
  readonly #downReason: () => string | undefined;
  readonly #bufferBytes: number;
  readonly #answerTimeoutMs: number;
  readonly #writes = new OneWriteATurn();
  readonly #queue = new OutgoingQueue<WaitingMessage>();
  readonly #watch: ReplyWatch;
  #unansweredMessages = 0;
  #unansweredBytes = 0;
  #isFull = false;
  /** Messages that were taken, and those of them of which it is known what became of them. */
  #taken = 0;
  #settled = 0;
  #drains: Drain[] = [];
  /** By the function that made them. */
  #lastErrors: { readonly reason: string; readonly errors: Map<unknown, Error> } | undefined;

  constructor(options: RedisSenderOptions) {
    const { bufferBytes = DEFAULT_BUFFER_BYTES, answerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS } =
      options;
    this.#clients = options.clients;
    this.#downReason = options.downReason;
    this.#bufferBytes = bufferBytes;
    this.#answerTimeoutMs = answerTimeoutMs;
    this.#watch = new ReplyWatch(answerTimeoutMs, () => {
      const reason = this.#silentReason();
      this.lost(reason);
      options.onSilent?.(`Redis is silent: ${reason}`);
    });
  }

  /** What waits, and what it takes of `redisBufferBytes`. */
  get waiting(): Waits {
    return { messages: this.#queue.size, bytes: this.#queue.bytes };
  }

  /** Sends the message when its turn has come; rejects where it cannot wait for that. */
  send<T>(outgoing: Outgoing<T>, { lane = 'data', ticket }: Sending = DATA): Promise<T> {
    const reason =
      this.#downReason() ?? (lane === 'urgent' ? undefined : this.#refusal(outgoing, lane, ticket));
    if (reason !== undefined) {
      ticket?.stays();
      return Promise.reject(this.#errorOf(reason, outgoing.failed));
    }
    if (lane === 'urgent') return this.#straight(outgoing, ticket);
    this.#taken++;
    if (this.#queue.size === 0 && this.#hasRoom && !this.#watch.isSilent)
      return this.#leave(outgoing, ticket);
    return this.#wait(outgoing, ticket);
  }

  readiness(length: number): Readiness {
    if (this.#downReason() !== undefined) return 'down';
    return this.#isTooMuch(length) ? 'full' : 'open';
  }

  /** What left in this turn is written now. */
  flush(): void {
    this.#writes.release();
  }

  /** The connection is there again: what waits goes on. */
  resume(): void {
    this.#sendWaiting();
  }

  /**
   * The connection was lost, or Redis is silent. The one place that decides what becomes of what waits then: it is refused. Whoever
   * sent it decides whether it is sent again: messages to plain rooms by the `LiveSender`, those with a history by the outbox.
   */
  lost(reason: string): void {
    this.#refuseWaiting(reason);
    if (this.#watch.isSilent) this.#endDrains();
  }

  /**
   * Resolves when all that was taken so far has been answered, or refused. What waits still after the time, or when Redis is
   * silent, is refused.
   */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#settled >= this.#taken || this.#watch.isSilent) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#refuseWaiting(`it did not take all within ${timeoutMs} ms, and the backplane closes`);
        this.#endDrains();
      }, timeoutMs);
      const end = (): void => {
        clearTimeout(timer);
        // Whoever sent what was answered last learns of it before.
        setImmediate(resolve);
      };
      this.#drains.push({ settled: this.#taken, end });
    });
  }

  close(): void {
    this.#refuseWaiting('the backplane is closed');
    this.#endDrains();
    this.#watch.close();
  }

  get #hasRoom(): boolean {
    return (
      this.#unansweredMessages < MAX_UNANSWERED_MESSAGES &&
      this.#unansweredBytes < MAX_UNANSWERED_BYTES
    );
  }

  /** Past all that waits, and not counted: it tells whether the way is open, so that nothing must stand in it. */
  #straight<T>({ command, failed }: Outgoing<T>, ticket: Ticket | undefined): Promise<T> {
    this.#hold();
    ticket?.leaves();
    return command().catch((error: Error) => {
      throw failed(error);
    });
  }

  #leave<T>({ length, command, failed }: Outgoing<T>, ticket: Ticket | undefined): Promise<T> {
    this.#hold();
    this.#unansweredMessages++;
    this.#unansweredBytes += length;
    this.#watch.asked();
    ticket?.leaves();
    return command().then(
      (answer) => {
        this.#answered(length);
        return answer;
      },
      (error: Error) => {
        this.#answered(length);
        throw failed(error);
      },
    );
  }

  /** The app's own client is not ours to hold up. */
  #hold(): void {
    if (this.#clients.ownsCommands) this.#writes.hold(this.#clients.commands.stream);
  }

  #answered(length: number): void {
    this.#unansweredMessages--;
    this.#unansweredBytes -= length;
    this.#watch.answered();
    this.#settle();
    if (this.#queue.size > 0) this.#sendWaiting();
  }

  #wait<T>(outgoing: Outgoing<T>, ticket: Ticket | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const message = new WaitingMessage(
        outgoing,
        ticket,
        resolve as (answer: unknown) => void,
        reject,
        this.#withdraw,
      );
      ticket?.stays(message);
      this.#queue.push(message);
    });
  }

  /** As much as Redis is given ahead. Nothing while the connection is away. */
  #sendWaiting(): void {
    for (let message = this.#queue.first; message; message = this.#queue.first) {
      if (!this.#hasRoom || this.#downReason() !== undefined) return;
      this.#queue.remove(message);
      message.ticket?.leaves(message);
      this.#leave(message.outgoing, undefined).then(message.resolve, message.reject);
    }
  }

  readonly #withdraw = (message: WaitingMessage): void => {
    if (!this.#queue.remove(message)) return;
    message.reject(message.outgoing.failed(WITHDRAWN));
    this.#settle();
  };

  #refuseWaiting(reason: string): void {
    if (this.#queue.size === 0) return;
    for (const { outgoing, reject } of this.#queue.takeAll()) {
      reject(this.#errorOf(reason, outgoing.failed));
      this.#settle();
    }
  }

  /** To make one takes long, and there may be a hundred thousand messages that are refused for one reason. */
  #errorOf(reason: string, failed: (error: Error) => Error): Error {
    if (this.#lastErrors?.reason !== reason) this.#lastErrors = { reason, errors: new Map() };
    const { errors } = this.#lastErrors;
    const error = errors.get(failed) ?? failed(new Error(reason));
    errors.set(failed, error);
    return error;
  }

  #settle(): void {
    this.#settled++;
    if (this.#drains.length === 0) return;
    const ended = this.#drains.filter(({ settled }) => settled <= this.#settled);
    if (ended.length === 0) return;
    this.#drains = this.#drains.filter((drain) => !ended.includes(drain));
    for (const { end } of ended) end();
  }

  #endDrains(): void {
    for (const { end } of this.#drains.splice(0)) end();
  }

  /** Why a message cannot even wait. While Redis is silent, only what can be withdrawn may: whoever holds the ticket knows for how long. */
  #refusal(
    { length }: Outgoing<unknown>,
    lane: Lane,
    ticket: Ticket | undefined,
  ): string | undefined {
    if (this.#watch.isSilent && !ticket) return this.#silentReason();
    const { size, bytes } = this.#queue;
    const limit = this.#bufferBytes;
    if (lane === 'control') {
      if (size === 0 || this.#queue.bytesWith(length) <= limit + CONTROL_RESERVE_BYTES)
        return undefined;
    } else if (!this.#isTooMuch(length)) return undefined;
    return `${size} messages wait for it already, which take ${bytes} bytes ("redisBufferBytes" is ${limit})`;
  }

  /** From the first message that is, all are, until much room is there again. */
  #isTooMuch(length: number): boolean {
    const { size, bytes } = this.#queue;
    const limit = this.#bufferBytes;
    if (bytes <= limit * ROOM_AGAIN_PART) this.#isFull = false;
    // A message larger than all of the limit may still leave alone.
    if (size === 0) return false;
    if (this.#queue.bytesWith(length) > limit) this.#isFull = true;
    return this.#isFull;
  }

  #silentReason(): string {
    return `it has not answered for ${this.#answerTimeoutMs} ms, with ${this.#unansweredMessages} messages under way`;
  }
}
