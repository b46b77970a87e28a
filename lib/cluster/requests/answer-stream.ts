import { encodeControl, EnvelopeKind } from '../wire/envelope.js';
import { encodeParcel } from '../wire/parcel.js';

/** What an instance says to a request: any number of messages, the last of them marked. */
export type Reply = (message: unknown, last: boolean) => void;

export interface AnswerStreamOptions {
  /** This instance, as it answers. */
  readonly origin: string;
  /** The request's sequence at the asker. */
  readonly to: number;
  readonly publish: (bytes: Buffer) => Promise<void>;
  readonly partBytes: number;
}

export const PART_BYTES = 256 * 1024;

/** The messages of one answer, as envelopes of bounded size, in order: a large one must not stand in the way of others. */
export class AnswerStream {
  readonly #options: AnswerStreamOptions;
  #part = 0;
  #sending: Promise<void> = Promise.resolve();
  /** Messages that wait for the parts before them to be taken. */
  #queued = 0;

  constructor(options: AnswerStreamOptions) {
    this.#options = options;
  }

  /** What does not leave, the asker misses. @throws TypeError for what JSON cannot hold */
  readonly send: Reply = (message, last) => {
    const body = Buffer.from(JSON.stringify(message), 'utf8');
    const { partBytes } = this.#options;
    const parts: Buffer[] = [];
    for (let from = 0; from === 0 || from < body.length; from += partBytes) {
      const end = from + partBytes >= body.length;
      parts.push(this.#envelope({ end, last: end && last }, body.subarray(from, from + partBytes)));
    }
    if (this.#queued === 0 && parts.length === 1) this.#publishNow(parts[0]!);
    else this.#queue(parts);
  };

  /** In its place all the same, also before what this instance says next: its goodbye, perhaps. The transport keeps the order of the calls. */
  #publishNow(part: Buffer): void {
    this.#options.publish(part).catch(() => {});
  }

  #queue(parts: readonly Buffer[]): void {
    this.#queued++;
    this.#sending = this.#sending
      .then(async () => {
        for (const part of parts) await this.#options.publish(part);
      })
      .finally(() => this.#queued--);
    // The rest of the stream is of no use then: later messages are rejected as this one was.
    this.#sending.catch(() => {});
  }

  #envelope(flags: { end: boolean; last: boolean }, body: Buffer): Buffer {
    const { origin, to } = this.#options;
    return encodeControl({
      kind: EnvelopeKind.answer,
      origin,
      sequence: to,
      payload: encodeParcel({ part: this.#part++, ...flags }, body),
    });
  }
}
