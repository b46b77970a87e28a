import { BackplaneClosedError } from '../../errors/backplane-closed.error.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import { messageOf } from '../../errors/quote.js';
import type { Frame } from '../../hub/frame.js';
import type { Target } from '../../hub/target.js';
import { Ticket } from '../../transport/ticket.js';
import type { Sending, Transport } from '../../transport/transport.js';
import type { MessagePublisher, Publishing } from '../common/publishing.js';
import type { AudienceModifiers } from '../common/audience-modifiers.js';
import type { ChannelNames } from '../wire/channels.js';
import type { Counters } from '../common/counters.js';
import { withDeadline } from '../../timing/deadline.js';
import { deliverEnvelope } from '../local/deliver.js';
import { encodeEnvelope, type Envelope, EnvelopeKind } from '../wire/envelope.js';
import type { Identity } from '../membership/identity.js';
import type { Link } from '../link/link.js';
import { type LiveCopy, liveCopies } from './live-copies.js';
import type { LiveMessage } from '../live/live-sender.js';
import type { LiveRooms } from '../live/live-rooms.js';
import { RecentIds } from '../common/recent-ids.js';
import type { LocalHubs } from '../local/local-hubs.js';
import { encodeTarget } from '../wire/target-codec.js';
import type { ThrottledLog } from '../common/throttled-log.js';

/** Somebody waits for the message to leave. */
interface LiveSending extends Sending {
  readonly ticket: Ticket;
  /** Also while Redis is away. */
  readonly queue: boolean;
}

const BY_ITSELF: Publishing = { id: undefined, queue: false };

const CHANNELS_OWN_TARGET = Buffer.alloc(0);

const UNSENT = {
  broadcast: 'A broadcast reached this instance only.',
  history: 'A message was not taken into the history of its target, and reached nobody.',
  serverEvent: 'A server event did not reach the other instances.',
} as const;

export interface LivePublisherOptions {
  readonly identity: Identity;
  readonly transport: Transport;
  readonly link: Link;
  readonly channels: ChannelNames;
  readonly hubs: LocalHubs;
  readonly counters: Counters;
  readonly log: ThrottledLog;
  readonly commandTimeoutMs: number;
  readonly live: LiveRooms;
}

/**
 * The way of a message: out to the members here and to the channels of its target, and in from a
 * channel to the members here.
 */
export class LivePublisher {
  readonly #options: LivePublisherOptions;
  readonly #recent = new RecentIds();
  #sequence = 0;

  constructor(options: LivePublisherOptions) {
    this.#options = options;
  }

  publisherOf(hub: string): MessagePublisher {
    return {
      emit: (target, modifiers, frame) => {
        const sent = this.#send(hub, target, modifiers, frame);
        if (sent.length > 0)
          (sent.length === 1 ? sent[0]! : Promise.all(sent)).catch(this.#onUnsent);
      },
      publish: (target, modifiers, frame, { queue } = BY_ITSELF) => {
        const { commandTimeoutMs, link } = this.#options;
        if (link.status === 'closed') return Promise.reject(new BackplaneClosedError());
        const ticket = new Ticket();
        const sent = this.#send(hub, target, modifiers, frame, { ticket, queue });
        const ms = modifiers.timeoutMs ?? (queue ? Infinity : commandTimeoutMs);
        return this.#confirm(sent, ticket, ms);
      },
    };
  }

  /** Apart from the sending: who waits must not keep the frame, of which the queue has a copy. */
  async #confirm(sent: readonly Promise<void>[], ticket: Ticket, ms: number): Promise<undefined> {
    await withDeadline(Promise.all(sent), ms, () => {
      const fate = ticket.withdraw() ? 'it was not sent' : 'it may still arrive';
      return new BackplaneUnavailableError(
        `Redis did not confirm the message within ${ms} ms; ${fate}.`,
      );
    });
    return undefined;
  }

  /** A broadcast of another instance. False if its target is not intelligible. */
  receive(envelope: Envelope, channel: string): boolean {
    const { counters, hubs } = this.#options;
    if (envelope.live) {
      const heard = hubs.heardRoute(channel);
      return heard ? this.#options.live.receive(envelope, channel, heard) : true;
    }
    const route = hubs.route(channel);
    if (!route) return true;
    if (envelope.mayRepeat && !this.#recent.add(`${envelope.origin}.${envelope.sequence}`)) {
      counters.repeated++;
      return true;
    }
    const delivered = deliverEnvelope(route, envelope);
    if (delivered === undefined) return false;
    counters.received++;
    counters.delivered += delivered;
    return true;
  }

  /**
   * One publish a channel, and the members here, without waiting for Redis. Both leave when the
   * turn ends.
   */
  #send(
    hub: string,
    target: Target,
    modifiers: AudienceModifiers,
    frame: Frame,
    sending?: LiveSending,
  ): Promise<void>[] {
    const { counters, hubs } = this.#options;
    counters.emitted++;
    const published = modifiers.local ? [] : this.#publish(hub, target, modifiers, frame, sending);
    counters.delivered += hubs.get(hub)?.deliver(target, frame, modifiers) ?? 0;
    return published;
  }

  #publish(
    hub: string,
    target: Target,
    modifiers: AudienceModifiers,
    frame: Frame,
    sending: LiveSending | undefined,
  ): Promise<void>[] {
    const { transport, identity, channels, live } = this.#options;
    const { copies, overlap } = liveCopies(hub, target, channels, identity);
    if (live.isOn) return this.#publishLive(copies, overlap, modifiers, frame, sending);
    const published: Promise<void>[] = [];
    let bytes: Buffer | undefined;
    let encodedFor: Target | undefined;
    for (const copy of copies) {
      // Copies that do not overlap are messages of their own to a receiver that looks out for
      // doubles.
      const isSame = copy.target === encodedFor && (overlap || !transport.mayRepeat);
      if (!bytes || !isSame) bytes = this.#encode(copy, overlap, modifiers, frame);
      encodedFor = copy.target;
      published.push(transport.publish(copy.channel, bytes, sending));
    }
    return published;
  }

  /**
   * Copies that overlap are one message on several channels; the others are messages of their own.
   */
  #publishLive(
    copies: readonly LiveCopy[],
    overlap: boolean,
    { volatile, compress }: AudienceModifiers,
    { payload, binary }: Frame,
    sending: LiveSending | undefined,
  ): Promise<void>[] {
    const { sender } = this.#options.live;
    const published: Promise<void>[] = [];
    for (const { channel, target } of copies) {
      const message: LiveMessage = {
        channels: overlap ? copies.map((copy) => copy.channel) : [channel],
        binary,
        mayRepeat: false,
        volatile,
        compress,
        target: target ? encodeTarget(target) : CHANNELS_OWN_TARGET,
        payload,
      };
      if (sending) published.push(sender.publish(message, sending.ticket, sending.queue));
      else sender.emit(message);
      if (overlap) break;
    }
    return published;
  }

  #encode(
    { target }: LiveCopy,
    overlap: boolean,
    modifiers: AudienceModifiers,
    frame: Frame,
  ): Buffer {
    const { transport, identity } = this.#options;
    return encodeEnvelope({
      kind: EnvelopeKind.broadcast,
      origin: identity.current,
      sequence: ++this.#sequence,
      binary: frame.binary,
      mayRepeat: overlap || transport.mayRepeat,
      volatile: modifiers.volatile,
      compress: modifiers.compress,
      target: target ? encodeTarget(target) : CHANNELS_OWN_TARGET,
      payload: frame.payload,
    });
  }

  /** Something that was to be forgotten could not leave. */
  countUnsent(error: Error, what: keyof typeof UNSENT = 'broadcast'): void {
    const { counters, link } = this.#options;
    counters.unsent++;
    link.countMissed();
    // While the link is away, one line when it went and one when it is back say it all.
    if (link.status === 'ready')
      this.#options.log.warn(`unsent:${what}`, () => `${UNSENT[what]} ${messageOf(error)}`);
  }

  readonly #onUnsent = (error: Error): void => this.countUnsent(error);
}
