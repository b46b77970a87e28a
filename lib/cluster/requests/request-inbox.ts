import type { Transport } from '../../transport/transport.js';
import { AnswerStream, PART_BYTES } from './answer-stream.js';
import type { ChannelNames } from '../wire/channels.js';
import type { Counters } from '../counters.js';
import type { Envelope } from '../wire/envelope.js';
import type { Identity } from '../instances/identity.js';
import { decodeQuestion } from './question.js';
import { RecentIds } from '../recent-ids.js';
import type { Responder } from './responder.js';

export interface RequestInboxOptions {
  readonly transport: Transport;
  readonly channels: ChannelNames;
  readonly identity: Identity;
  readonly responder: Responder;
  readonly counters: Counters;
}

/** Requests of other instances: has them answered, straight to the asker. */
export class RequestInbox {
  readonly #options: RequestInboxOptions;
  readonly #recent = new RecentIds();

  constructor(options: RequestInboxOptions) {
    this.#options = options;
  }

  /** False for what is no request of a kind that is known here. */
  receive(envelope: Envelope): boolean {
    const { transport, channels, identity, responder, counters } = this.#options;
    const question = decodeQuestion(envelope);
    if (!question) return false;
    const { origin, sequence, mayRepeat } = envelope;
    if (mayRepeat && !this.#recent.add(`${origin}.${sequence}`)) {
      counters.repeated++;
      return true;
    }
    const channel = channels.direct(origin);
    const stream = new AnswerStream({
      origin: identity.current,
      to: sequence,
      publish: (bytes) => transport.publish(channel, bytes),
      partBytes: PART_BYTES,
    });
    void responder.respond(question, origin, stream.send);
    return true;
  }
}
