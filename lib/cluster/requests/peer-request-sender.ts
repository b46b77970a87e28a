import { Ticket } from '../../transport/ticket.js';
import type { Transport } from '../../transport/transport.js';
import type { LiveRooms } from '../live/live-rooms.js';
import type { ChannelNames } from '../wire/channels.js';
import { encodeControl, EnvelopeKind } from '../wire/envelope.js';
import { instanceOf } from '../wire/instance-id.js';
import { encodePeerRequest, type PeerRequest } from './peer-request.js';
import type { PendingRequest } from './pending-request.js';
import type { OpenRequest } from './requests.js';

export interface PeerRequestSenderOptions {
  readonly transport: Pick<Transport, 'publish' | 'publishAndCount' | 'mayRepeat'>;
  readonly channels: ChannelNames;
  readonly live: Pick<LiveRooms, 'sender'>;
}

/** A request, and the copies of it that Redis has not taken. */
export interface RequestSending extends Pick<OpenRequest, 'pending' | 'sequence'> {
  readonly tickets: Set<Ticket>;
  readonly waitsHere: () => boolean;
}

/** Brings requests to other instances, behind everything that this instance sent before. */
export class PeerRequestSender {
  readonly #options: PeerRequestSenderOptions;

  constructor(options: PeerRequestSenderOptions) {
    this.#options = options;
  }

  /** Copies that have not left are withdrawn when nobody waits for the answers any more. */
  begin(pending: PendingRequest, sequence: number): RequestSending {
    const tickets = new Set<Ticket>();
    void pending.done.then(() => {
      for (const ticket of tickets) ticket.withdraw();
    });
    const waitsHere = (): boolean => [...tickets].some(({ isHere }) => isHere);
    return { pending, sequence, tickets, waitsHere };
  }

  /**
   * Resolves with how many have heard it, where Redis says so.
   * @param onLeave called when the message leaves
   */
  async publish(
    channel: string,
    request: PeerRequest,
    { sequence, tickets }: RequestSending,
    onLeave?: () => void,
  ): Promise<number | undefined> {
    const ticket = new Ticket(onLeave);
    tickets.add(ticket);
    const bytes = this.#envelope(request, sequence);
    try {
      const { transport, live } = this.#options;
      if (live.sender.isBehind) await live.sender.caughtUp();
      return await transport.publishAndCount(channel, bytes, { lane: 'control', ticket });
    } finally {
      tickets.delete(ticket);
    }
  }

  /**
   * Asks one instance once more, under the same number: if it has carried the request out, it sends
   * the missing rest of its answer.
   */
  async askAgain(instanceId: string, request: PeerRequest, sending: RequestSending): Promise<void> {
    const { taken, allowedBytes } = sending.pending.progressOf(instanceId);
    const channel = this.#options.channels.direct(instanceId);
    await this.publish(channel, { ...request, taken, allowedBytes }, sending);
  }

  /** Sends a request that nobody answers. */
  async tell(channel: string, request: PeerRequest, sequence: number): Promise<void> {
    const { live, transport } = this.#options;
    if (live.sender.isBehind) await live.sender.caughtUp();
    await transport.publish(channel, this.#envelope(request, sequence));
  }

  #envelope(request: PeerRequest, sequence: number): Buffer {
    const { volatile, compress } = request.delivery;
    return encodeControl({
      kind: EnvelopeKind.request,
      origin: instanceOf(request.id)!,
      sequence,
      mayRepeat: this.#options.transport.mayRepeat,
      volatile,
      compress,
      ...encodePeerRequest(request),
    });
  }
}
