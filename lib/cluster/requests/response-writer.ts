import { encodeControl, EnvelopeKind } from '../wire/envelope.js';
import { encodeControlPayload } from '../wire/control-payload.js';
import { MAX_ANSWER_BYTES, PART_BYTES } from './answer-bounds.js';
import { answerText } from './answer-text.js';

/**
 * An instance's answer to a request: any number of messages, the last of them marked.
 * @param bytes of what clients answered in it, where that is known
 */
export type Reply = (message: unknown, last: boolean, bytes?: number) => void;

export interface ResponseWriterOptions {
  /** This instance, as it answers. */
  readonly origin: string;
  /** Its ids of before, under which it may have been asked. */
  readonly former: readonly string[];
  /** The request's sequence at the requester. */
  readonly to: number;
  readonly publish: (bytes: Buffer) => Promise<void>;
  /** So many bytes the requester takes before it allows more. */
  readonly allowedBytes: number;
  /** Whether so many bytes more can wait for requesters. */
  readonly hasRoom: (bytes: number) => boolean;
  /** So many bytes more wait, or less. */
  readonly held: (bytes: number) => void;
}

interface Message {
  readonly body: Buffer;
  readonly last: boolean;
  /** So much of the body has left. */
  at: number;
}

const NOTHING = Buffer.alloc(0);

/**
 * One answer on its way to the requester: messages, cut into parts of bounded size. They leave in
 * their order, as far as the requester allows. Sent messages are kept until the requester has them:
 * they may be asked for again.
 */
export class ResponseWriter {
  readonly #options: ResponseWriterOptions;
  readonly #waiting: Message[] = [];
  #waitingBytes = 0;
  /** Envelopes of parts that the requester may not have; the first of them is of part `#taken`. */
  readonly #sent: Buffer[] = [];
  #taken = 0;
  #sentBytes = 0;
  #totalBytes = 0;
  #allowedBytes: number;
  /** So much was reported to the requester as waiting. */
  #toldBytes = 0;
  #ended = false;

  constructor(options: ResponseWriterOptions) {
    this.#options = options;
    this.#allowedBytes = options.allowedBytes;
  }

  /** All has left; the requester may still ask for it again. */
  get isSent(): boolean {
    return this.#ended && this.#waiting.length === 0;
  }

  /** @throws TypeError for what JSON cannot hold, but for answers of clients */
  readonly send: Reply = (message, last) => {
    if (this.#ended) return;
    const body = Buffer.from(answerText(message), 'utf8');
    this.#totalBytes += body.length;
    const fits = this.#totalBytes <= MAX_ANSWER_BYTES && this.#options.hasRoom(body.length);
    if (fits) this.#queue(body, last);
    else this.#queue(tooLarge(this.#totalBytes), true);
    this.#leave();
  };

  /** The requester has all parts before that one, and takes so many bytes of the whole answer. */
  allow(taken: number, allowedBytes: number): void {
    this.#forget(taken);
    this.#allowedBytes = Math.max(this.#allowedBytes, allowedBytes);
    this.#leave();
  }

  /** The requester asks again: what it does not have leaves once more. */
  resume(taken: number, allowedBytes: number): void {
    this.#forget(taken);
    for (const envelope of this.#sent) this.#publish(envelope);
    this.allow(taken, allowedBytes);
  }

  /** Nobody waits for the rest. */
  close(): void {
    this.#ended = true;
    this.#hold(-this.#waitingBytes);
    this.#waiting.length = 0;
    this.#sent.length = 0;
  }

  #queue(body: Buffer, last: boolean): void {
    this.#waiting.push({ body, last, at: 0 });
    this.#hold(body.length);
    this.#ended = last;
  }

  #hold(bytes: number): void {
    this.#waitingBytes += bytes;
    this.#options.held(bytes);
  }

  #leave(): void {
    while (this.#waiting.length > 0) {
      const message = this.#waiting[0]!;
      const left = message.body.length - message.at;
      const size = Math.min(left, PART_BYTES, this.#allowedBytes - this.#sentBytes);
      if (size <= 0) {
        if (this.#toldBytes === 0) this.#send({}, NOTHING);
        return;
      }
      const body = message.body.subarray(message.at, message.at + size);
      message.at += size;
      this.#sentBytes += size;
      this.#hold(-size);
      const end = size === left;
      if (end) this.#waiting.shift();
      this.#send(end ? { end, last: message.last } : {}, body);
    }
  }

  #send(flags: { end?: boolean; last?: boolean }, body: Buffer): void {
    const { origin, former, to } = this.#options;
    const part = this.#taken + this.#sent.length;
    this.#toldBytes = this.#waitingBytes;
    const fields = {
      part,
      ...flags,
      ...(this.#waitingBytes > 0 ? { more: this.#waitingBytes } : {}),
      ...(part === 0 && former.length > 0 ? { former } : {}),
    };
    const envelope = encodeControl({
      kind: EnvelopeKind.answer,
      origin,
      sequence: to,
      payload: encodeControlPayload(fields, body),
    });
    this.#sent.push(envelope);
    this.#publish(envelope);
  }

  /** A message that does not leave is asked for again, or missed, by the requester. */
  #publish(envelope: Buffer): void {
    this.#options.publish(envelope).catch(() => {});
  }

  #forget(taken: number): void {
    const count = Math.min(taken - this.#taken, this.#sent.length);
    if (count <= 0) return;
    this.#sent.splice(0, count);
    this.#taken += count;
  }
}

function tooLarge(bytes: number): Buffer {
  const message = `The answer is too large: ${bytes} bytes, or more than there is room for among answers to others.`;
  return Buffer.from(JSON.stringify({ failed: 'ANSWER_TOO_LARGE', message }));
}
