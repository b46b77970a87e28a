import type { Parcel } from '../wire/parcel.js';

export interface AnswerMessage {
  readonly message: unknown;
  readonly last: boolean;
}

/** What one instance may answer in one message. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

/** One instance's answer, put together from its parts. */
export class AnswerAssembly {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #next = 0;

  /** A message that is complete now; undefined while more must come. @throws if a part was lost or is not intelligible */
  add({ fields, body }: Parcel): AnswerMessage | undefined {
    const { part, end, last } = fields;
    if (typeof part !== 'number') throw new Error('not an answer');
    // Sent again by a client that resends what was not confirmed.
    if (part < this.#next) return undefined;
    if (part > this.#next) throw new Error('a part was lost');
    this.#next++;
    this.#bytes += body.length;
    if (this.#bytes > MAX_MESSAGE_BYTES) throw new Error('the answer is too large');
    this.#chunks.push(body);
    if (end !== true) return undefined;
    const text = Buffer.concat(this.#chunks).toString('utf8');
    this.#chunks.length = 0;
    this.#bytes = 0;
    return { message: JSON.parse(text) as unknown, last: last === true };
  }
}
