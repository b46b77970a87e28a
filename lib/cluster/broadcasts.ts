import { BackplaneClosedError } from '../errors/backplane-closed.error.js';
import { BackplaneUnavailableError } from '../errors/backplane-unavailable.error.js';
import { messageOf } from '../errors/quote.js';
import type { Frame } from '../hub/frame.js';
import type { Target } from '../hub/target.js';
import type { Transport } from '../transport/transport.js';
import type { AudienceSink } from './audience.js';
import type { AudienceModifiers } from './audience-modifiers.js';
import type { ChannelNames } from './wire/channels.js';
import type { Counters } from './counters.js';
import { withDeadline } from './deadline.js';
import { deliverEnvelope } from './delivery.js';
import { encodeEnvelope, type Envelope, EnvelopeKind } from './wire/envelope.js';
import type { Identity } from './instances/identity.js';
import { instanceOf } from './instances/instance-id.js';
import type { Link } from './link/link.js';
import { RecentIds } from './recent-ids.js';
import type { ServedHubs } from './served-hubs.js';
import { encodeTarget } from './wire/target-codec.js';
import type { ThrottledLog } from './throttled-log.js';

const CHANNELS_OWN_TARGET = Buffer.alloc(0);

export interface BroadcastsOptions {
  readonly identity: Identity;
  readonly transport: Transport;
  readonly link: Link;
  readonly channels: ChannelNames;
  readonly hubs: ServedHubs;
  readonly counters: Counters;
  readonly log: ThrottledLog;
  readonly commandTimeoutMs: number;
}

/** The way of a message: out to the members here and to the channels of its target, and in from a channel to the members here. */
export class Broadcasts {
  readonly #options: BroadcastsOptions;
  readonly #recent = new RecentIds();
  #sequence = 0;

  constructor(options: BroadcastsOptions) {
    this.#options = options;
  }

  sinkOf(hub: string): Pick<AudienceSink, 'emit' | 'publish'> {
    return {
      emit: (target, modifiers, frame) => {
        Promise.all(this.#send(hub, target, modifiers, frame)).catch((error) =>
          this.countUnsent(error),
        );
      },
      publish: async (target, modifiers, frame) => {
        const { commandTimeoutMs, link } = this.#options;
        if (link.status === 'closed') throw new BackplaneClosedError();
        const ms = modifiers.timeoutMs ?? commandTimeoutMs;
        const sent = Promise.all(this.#send(hub, target, modifiers, frame));
        await withDeadline(
          sent,
          ms,
          () =>
            new BackplaneUnavailableError(
              `Redis did not confirm the message within ${ms} ms; it may still leave.`,
            ),
        );
        return undefined;
      },
    };
  }

  /** A broadcast of another instance. False if its target is not intelligible. */
  receive(envelope: Envelope, channel: string): boolean {
    const { counters, hubs } = this.#options;
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

  /** One publish a channel, and the members here, without waiting for Redis. Both leave when the turn ends. */
  #send(hub: string, target: Target, modifiers: AudienceModifiers, frame: Frame): Promise<void>[] {
    const { counters, hubs } = this.#options;
    counters.emitted++;
    const published = modifiers.local ? [] : this.#publish(hub, target, modifiers, frame);
    counters.delivered += hubs.get(hub)?.deliver(target, frame, modifiers) ?? 0;
    return published;
  }

  #publish(
    hub: string,
    target: Target,
    modifiers: AudienceModifiers,
    frame: Frame,
  ): Promise<void>[] {
    const { transport, identity } = this.#options;
    const channels = this.#channelsOf(hub, target);
    if (channels.length === 0) return [];
    const bytes = encodeEnvelope({
      kind: EnvelopeKind.broadcast,
      origin: identity.current,
      sequence: ++this.#sequence,
      binary: frame.binary,
      mayRepeat: channels.length > 1 || transport.mayRepeat,
      volatile: modifiers.volatile,
      compress: modifiers.compress,
      target: this.#targetBytes(target),
      payload: frame.payload,
    });
    return channels.map((channel) => transport.publish(channel, bytes));
  }

  /** Where the other instances listen that could have somebody of the target. */
  #channelsOf(hub: string, target: Target): string[] {
    const { channels, identity } = this.#options;
    if (target.everyone) return [channels.all(hub)];
    const owners = new Set(target.connections.map(instanceOf));
    for (const owner of owners) if (!owner || identity.isOwn(owner)) owners.delete(owner);
    return [
      ...target.rooms.map((room) => channels.room(hub, room)),
      ...target.users.map((user) => channels.user(hub, user)),
      ...[...owners].map((owner) => channels.instance(hub, owner!)),
    ];
  }

  /** Empty where the channel says it all. Connections of this instance are left out of the exceptions: the others have none of them. */
  #targetBytes(target: Target): Buffer {
    const exceptConnections = target.exceptConnections.filter(
      (id) => !this.#options.identity.isOwn(instanceOf(id)),
    );
    const excepts =
      exceptConnections.length + target.exceptRooms.length + target.exceptUsers.length;
    const groups = target.rooms.length + target.users.length;
    if (excepts === 0 && groups === 1 && target.connections.length === 0)
      return CHANNELS_OWN_TARGET;
    return encodeTarget({ ...target, exceptConnections });
  }

  /** Something that was to be forgotten could not leave. */
  countUnsent(error: Error): void {
    const { counters, link } = this.#options;
    counters.unsent++;
    link.countMissed();
    // While the link is away, one line when it went and one when it is back say it all.
    if (link.status === 'ready')
      this.#options.log.warn(
        'unsent',
        () => `A broadcast reached this instance only. ${messageOf(error)}`,
      );
  }
}
