import type { ControlPayload } from '../wire/control-payload.js';

export interface AnswerMessage {
  readonly message: unknown;
  readonly last: boolean;
}

/** One instance's answer, put together from its parts. */
export class ResponseReassembler {
  readonly #chunks: Buffer[] = [];
  #next = 0;
  /** A later part than the next has come: the next was lost, or is late. */
  #hasHole = false;

  /** The number of the part that is to come. */
  get next(): number {
    return this.#next;
  }

  get hasHole(): boolean {
    return this.#hasHole;
  }

  /**
   * Takes the part if it is the next one. A part that comes again and one behind a hole are left
   * out.
   * @returns a message that is complete now; undefined while more must come
   * @throws if the part is not intelligible
   */
  add({ fields, body }: ControlPayload): AnswerMessage | undefined {
    const { part, end, last } = fields;
    if (typeof part !== 'number') throw new Error('not an answer');
    this.#hasHole = part > this.#next;
    if (part !== this.#next) return undefined;
    this.#next++;
    this.#chunks.push(body);
    if (end !== true) return undefined;
    const text = Buffer.concat(this.#chunks).toString('utf8');
    this.#chunks.length = 0;
    return { message: JSON.parse(text) as unknown, last: last === true };
  }
}
