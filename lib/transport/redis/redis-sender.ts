import { type Ticket, WithdrawnError } from '../ticket.js';
import type { OutcomeCallbacks, Lane, Readiness, Sending } from '../transport.js';
import { DEFAULT_BUFFER_BYTES, type Waits } from '../waits.js';
import { OutcomeWaits } from './outcome-waits.js';
import type { Outgoing } from './outgoing.js';
import { OutgoingQueue } from './outgoing-queue.js';
import { isPackable, LEAST_MESSAGES, PACK_MESSAGES } from './packs.js';
import type { RedisClients } from './redis-clients.js';
import { ReplyWatch } from './reply-watch.js';
import { InFlight } from './in-flight.js';
import { WaitingMessage } from './waiting-message.js';

/** Beyond the limit, for requests and answers. */
const CONTROL_RESERVE_BYTES = 16 * 1024 * 1024;

/**
 * Refused is everything, from the first message that is, until no more than this part of the limit
 * waits.
 */
const ROOM_AGAIN_PART = 0.5;

const DEFAULT_ANSWER_TIMEOUT_MS = 2_000;

const DATA: Sending = {};
const WITHDRAWN = new WithdrawnError();

export interface RedisSenderOptions {
  readonly clients: RedisClients;
  /** Why nothing can be sent for now; undefined while it can. */
  readonly downReason: () => string | undefined;
  /** Limit for waiting messages, in bytes. Default 64 MiB. */
  readonly bufferBytes?: number;
  /** A Redis that answers nothing for so long is taken for lost. Default 2,000. */
  readonly answerTimeoutMs?: number;
  /** Called when it is, once until it answers. */
  readonly onSilent?: (reason: string) => void;
}

/**
 * Sends messages over the connection for commands, in the order of the calls, and those of one turn
 * in one write. ioredis is given a little ahead of Redis's answers; the rest waits here, and leaves
 * as they come: small messages in packs where many wait. Urgent messages go straight.
 *
 * Invariants: while anything waits, only urgent messages leave before it. Waiting messages are
 * bounded, and so are messages that have left and are not answered. No message overtakes a refused
 * one before its sender can know of the refusal, which is some microtasks later. So smaller
 * messages behind it are refused as well, until half of the room is free again. A message of more
 * than half of the limit is an exception: it would hold up all others.
 */
export class RedisSender {
  readonly #downReason: () => string | undefined;
  readonly #bufferBytes: number;
  readonly #answerTimeoutMs: number;
  readonly #queue = new OutgoingQueue<WaitingMessage>();
  readonly #watch: ReplyWatch;
  readonly #inFlight: InFlight;
  readonly #drains = new OutcomeWaits();
  #isFull = false;
  /** By the function that made them. */
  #lastErrors: { readonly reason: string; readonly errors: Map<unknown, Error> } | undefined;

  constructor(options: RedisSenderOptions) {
    const { bufferBytes = DEFAULT_BUFFER_BYTES, answerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS } =
      options;
    this.#downReason = options.downReason;
    this.#bufferBytes = bufferBytes;
    this.#answerTimeoutMs = answerTimeoutMs;
    this.#watch = new ReplyWatch(answerTimeoutMs, () => {
      const reason = this.#silentReason();
      this.lost(reason);
      options.onSilent?.(`Redis is silent: ${reason}`);
    });
    this.#inFlight = new InFlight(options.clients, this.#watch, this.#answered);
  }

  /** The waiting messages, and how much of `redisBufferBytes` they take. */
  get waiting(): Waits {
    return { messages: this.#queue.size, bytes: this.#queue.bytes };
  }

  /** Sends the message when its turn has come; rejects where it cannot wait for that. */
  send<T>(outgoing: Outgoing<T>, sending?: Sending): Promise<T> {
    return new Promise((resolve, reject) => this.post(outgoing, { resolve, reject }, sending));
  }

  /** As {@link send}. The sender is notified after this call. */
  post<T>(
    outgoing: Outgoing<T>,
    ends: OutcomeCallbacks<T>,
    { lane = 'data', ticket }: Sending = DATA,
  ): void {
    const reason =
      this.#downReason() ?? (lane === 'urgent' ? undefined : this.#refusal(outgoing, lane, ticket));
    if (reason !== undefined) {
      ticket?.stays();
      const error = this.#errorOf(reason, outgoing.failed);
      return queueMicrotask(() => ends.reject(error));
    }
    if (lane === 'urgent') return this.#straight(outgoing, ends, ticket);
    this.#drains.take();
    if (this.#queue.size > 0 || !this.#inFlight.hasRoom || this.#watch.isSilent)
      return this.#wait(outgoing, ends, ticket);
    ticket?.leaves();
    this.#inFlight.send(outgoing, ends);
  }

  readiness(length: number): Readiness {
    if (this.#downReason() !== undefined) return 'down';
    return this.#isTooMuch(length) ? 'full' : 'open';
  }

  /** The messages that left in this turn are written now. */
  flush(): void {
    this.#inFlight.flush();
  }

  /** The connection is there again: what waits goes on. */
  resume(): void {
    this.#sendWaiting();
  }

  /**
   * The connection was lost, or Redis is silent. Waiting messages are refused here, and nowhere
   * else. The sender of a message decides whether it is sent again: the `LiveSender` for plain
   * rooms, the outbox for rooms with a history.
   */
  lost(reason: string): void {
    this.#refuseWaiting(reason);
    if (this.#watch.isSilent) this.#drains.endAll();
  }

  /**
   * Resolves when all that was taken so far has been answered, or refused. Messages that wait still
   * after the time, or when Redis is silent, are refused.
   */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#drains.isSettled || this.#watch.isSilent) return;
    await this.#drains.wait(timeoutMs, () => {
      this.#refuseWaiting(`it did not take all within ${timeoutMs} ms, and the backplane closes`);
    });
  }

  close(): void {
    this.#refuseWaiting('the backplane is closed');
    this.#drains.endAll();
    this.#watch.close();
  }

  /**
   * Past all that waits, and not counted: it tells whether the way is open, so that nothing must
   * stand in it.
   */
  #straight<T>(outgoing: Outgoing<T>, ends: OutcomeCallbacks<T>, ticket: Ticket | undefined): void {
    ticket?.leaves();
    this.#inFlight.sendUncounted(outgoing, ends);
  }

  readonly #answered = (messages: number): void => {
    this.#drains.settle(messages);
    if (this.#queue.size > 0) this.#sendWaiting();
  };

  #wait(
    outgoing: Outgoing<unknown>,
    ends: OutcomeCallbacks<unknown>,
    ticket: Ticket | undefined,
  ): void {
    const message = new WaitingMessage(outgoing, ticket, ends, this.#withdraw);
    ticket?.stays(message);
    this.#queue.push(message);
  }

  /** As much as Redis is given ahead. Nothing while the connection is away. */
  #sendWaiting(): void {
    for (let message = this.#queue.first; message; message = this.#queue.first) {
      if (!this.#inFlight.hasRoom || this.#downReason() !== undefined) return;
      if (!this.#isForPack(message)) {
        this.#take(message);
        this.#inFlight.send(message.outgoing, message.ends);
      } else if (this.#inFlight.hasRoomForPack) {
        this.#inFlight.sendPack(this.#takePack(), (...why) => this.#errorOf(...why));
      } else return;
    }
  }

  #take(message: WaitingMessage): void {
    this.#queue.remove(message);
    message.ticket?.leaves(message);
  }

  #isForPack({ outgoing }: WaitingMessage): boolean {
    if (this.#queue.size < LEAST_MESSAGES || !isPackable(outgoing)) return false;
    return this.#inFlight.packs.areAllowed;
  }

  /** The first of those that wait, as far as they may go together. */
  #takePack(): WaitingMessage[] {
    const pack: WaitingMessage[] = [];
    for (let message = this.#queue.first; message; message = this.#queue.first) {
      if (pack.length === PACK_MESSAGES || !isPackable(message.outgoing)) break;
      this.#take(message);
      pack.push(message);
    }
    return pack;
  }

  readonly #withdraw = (message: WaitingMessage): void => {
    if (!this.#queue.remove(message)) return;
    message.ends.reject(message.outgoing.failed(WITHDRAWN));
    this.#drains.settle();
  };

  #refuseWaiting(reason: string): void {
    if (this.#queue.size === 0) return;
    for (const { outgoing, ends } of this.#queue.takeAll()) {
      ends.reject(this.#errorOf(reason, outgoing.failed));
      this.#drains.settle();
    }
  }

  /**
   * To make one takes long, and there may be a hundred thousand messages that are refused for one
   * reason.
   */
  #errorOf(reason: string, failed: (error: Error) => Error): Error {
    if (this.#lastErrors?.reason !== reason) this.#lastErrors = { reason, errors: new Map() };
    const { errors } = this.#lastErrors;
    const error = errors.get(failed) ?? failed(new Error(reason));
    errors.set(failed, error);
    return error;
  }

  /**
   * Why a message cannot even wait. While Redis is silent, only what can be withdrawn may: whoever
   * holds the ticket knows for how long.
   */
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
    return `it has not answered for ${this.#answerTimeoutMs} ms, with ${this.#inFlight.messages} messages under way`;
  }
}
