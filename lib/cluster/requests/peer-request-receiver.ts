import type { Transport } from '../../transport/transport.js';
import type { ChannelNames } from '../wire/channels.js';
import type { Counters } from '../common/counters.js';
import type { Envelope } from '../wire/envelope.js';
import type { Identity } from '../membership/identity.js';
import type { LiveRooms } from '../live/live-rooms.js';
import type { Reply } from './response-writer.js';
import { decodePeerRequest, type Operation, type PeerRequest } from './peer-request.js';
import { RecentIds } from '../common/recent-ids.js';
import type { HasRoom, Responder } from './responder.js';
import { SentAnswers } from './sent-answers.js';

const ACTS: ReadonlySet<Operation> = new Set<Operation>([
  'join',
  'leave',
  'disconnect',
  'ask',
  'event',
]);

export interface PeerRequestReceiverOptions {
  readonly transport: Transport;
  readonly channels: ChannelNames;
  readonly identity: Identity;
  readonly responder: Responder;
  readonly counters: Counters;
  readonly live: Pick<LiveRooms, 'whole'>;
}

/**
 * Requests of other instances: has them answered, straight to the requester. One that comes again
 * is not carried out again: its answer is sent again, from where the requester has it.
 */
export class PeerRequestReceiver {
  readonly #options: PeerRequestReceiverOptions;
  readonly #recent = new RecentIds();
  readonly #answers = new SentAnswers();

  constructor(options: PeerRequestReceiverOptions) {
    this.#options = options;
  }

  /** False for what is no request of a kind that is known here. */
  receive(envelope: Envelope): boolean {
    const { transport, channels, identity, counters } = this.#options;
    const request = decodePeerRequest(envelope);
    if (!request) return false;
    const { origin, sequence, mayRepeat } = envelope;
    const key = `${origin}.${sequence}`;
    const isAnswered = !request.args.unanswered;
    if ((isAnswered || mayRepeat) && !this.#recent.add(key)) {
      counters.repeated++;
      this.#answers.get(key)?.resume(request.taken, request.allowedBytes);
      return true;
    }
    if (!isAnswered) {
      this.#respond(request, origin, () => {});
      return true;
    }
    const channel = channels.direct(origin);
    const stream = this.#answers.begin(key, request.timeoutMs, {
      origin: identity.current,
      former: identity.former,
      to: sequence,
      publish: (bytes) => transport.publish(channel, bytes, { lane: 'control' }),
      allowedBytes: request.allowedBytes,
    });
    const hasRoom = (bytes: number): boolean => this.#answers.hasRoom(bytes);
    this.#respond(request, origin, stream.send, hasRoom);
    return true;
  }

  /**
   * A request that acts on members comes behind the messages that the requester sent before. Where
   * none of them is missing it is done at once: those that the requester sent after it may come in
   * this same turn.
   */
  #respond(request: PeerRequest, from: string, reply: Reply, hasRoom?: HasRoom): void {
    const { responder, live } = this.#options;
    const whole = ACTS.has(request.operation) ? live.whole(from) : undefined;
    if (whole) void whole.then(() => responder.respond(request, from, reply, hasRoom));
    else void responder.respond(request, from, reply, hasRoom);
  }

  /** A requester allows more of an answer, or wants no more. False for what is neither. */
  receiveAllowance(envelope: Envelope): boolean {
    return this.#answers.receive(envelope);
  }

  close(): void {
    this.#answers.close();
  }
}
