import type { Envelope } from '../wire/envelope.js';
import { decodeControlPayload, isCount } from '../wire/control-payload.js';
import { MAX_HELD_BYTES } from './answer-bounds.js';
import { ResponseWriter, type ResponseWriterOptions } from './response-writer.js';

interface Kept {
  readonly stream: ResponseWriter;
  /** Nobody waits for it after that. */
  readonly untilMs: number;
}

/** So many answers that have left are kept, to be sent again. */
const MAX_SENT = 1_024;
const LOOK_EVERY_MS = 1_000;
/** The requester's time begins before the answering instance's, and may stand still. */
const GRACE_MS = 5_000;

/** The answers of this instance to others that are under way, or may be asked for again. */
export class SentAnswers {
  readonly #kept = new Map<string, Kept>();
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** By the asking instance and the number of its request. */
  get(key: string): ResponseWriter | undefined {
    return this.#kept.get(key)?.stream;
  }

  /** Whether so many bytes more can wait for requesters. */
  hasRoom(bytes: number): boolean {
    return this.#heldBytes + bytes <= MAX_HELD_BYTES;
  }

  begin(
    key: string,
    timeoutMs: number,
    options: Omit<ResponseWriterOptions, 'hasRoom' | 'held'>,
  ): ResponseWriter {
    const stream = new ResponseWriter({
      ...options,
      hasRoom: (bytes) => this.hasRoom(bytes),
      held: (bytes) => (this.#heldBytes += bytes),
    });
    this.#kept.set(key, { stream, untilMs: performance.now() + timeoutMs + GRACE_MS });
    this.#forgetSent();
    this.#timer ??= setInterval(this.#forgetLate, LOOK_EVERY_MS).unref();
    return stream;
  }

  /** A requester allows more, or wants no more. False for what is neither. */
  receive({ origin, sequence, payload }: Envelope): boolean {
    const { taken, allowed, over } = decodeControlPayload(payload)?.fields ?? {};
    const key = `${origin}.${sequence}`;
    const stream = this.get(key);
    if (over === true) {
      stream?.close();
      return true;
    }
    if (!isCount(taken) || !isCount(allowed)) return false;
    stream?.allow(taken, allowed);
    return true;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const { stream } of this.#kept.values()) stream.close();
    this.#kept.clear();
  }

  /** The oldest of them; it stops at one that is under way, which is soon over or late. */
  #forgetSent(): void {
    for (const [key, { stream }] of this.#kept) {
      if (this.#kept.size <= MAX_SENT) return;
      if (stream.isSent) this.#kept.delete(key);
    }
  }

  readonly #forgetLate = (): void => {
    const now = performance.now();
    for (const [key, { stream, untilMs }] of this.#kept) {
      if (untilMs > now) continue;
      stream.close();
      this.#kept.delete(key);
    }
    if (this.#kept.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };
}
