import type { Link } from '../link/link.js';
import type { Instances } from '../membership/instances.js';
import type { ChannelNames } from '../wire/channels.js';
import { expectAnswers, type MembershipView } from './expected-answers.js';
import { note, owners } from './owners.js';
import type { PeerRequest } from './peer-request.js';
import type { PeerRequestSender } from './peer-request-sender.js';
import type { OpenRequest } from './requests.js';

export interface OwnerRequestsOptions {
  readonly link: Link;
  readonly instances: Instances;
  readonly channels: ChannelNames;
  readonly sender: PeerRequestSender;
}

/** Asks about named connections: each instance for its own, on its direct channel. */
export class OwnerRequests {
  readonly #options: OwnerRequestsOptions;

  constructor(options: OwnerRequestsOptions) {
    this.#options = options;
  }

  /** The members are listed only where the owner of a connection is not known. */
  ask(
    request: PeerRequest,
    { pending, sequence, askOthers }: OpenRequest,
    ids: readonly string[],
    named: Map<string, readonly string[]>,
    unknownConnections: string[],
    view: MembershipView,
  ): void {
    if (ids.length === 0) return pending.expectOthers([]);
    const { instances, link, channels, sender } = this.#options;
    if (link.status !== 'ready') return pending.failRemote('BACKPLANE_UNAVAILABLE');
    // Each is asked for its own only: the bytes must not grow with the square of the names.
    const requestTo = (id: string): PeerRequest => ({
      ...request,
      target: { ...request.target, connections: named.get(id) ?? [] },
    });
    const sending = sender.begin(pending, sequence);
    askOthers({
      waitsHere: sending.waitsHere,
      ask: async () => {
        const known = owners(ids, instances.known());
        // Somebody may have come of whom nothing is known here yet.
        const isKnown = known.unknownConnections.length === 0;
        const owned = isKnown ? known : owners(ids, await instances.listMembers());
        note(owned, named);
        const asked = [...owned.byOwner.keys()];
        const sent = asked.map((id) => sender.publish(channels.direct(id), requestTo(id), sending));
        await Promise.all(sent);
        if (pending.others) return;
        for (const id of owned.unknownConnections) unknownConnections.push(id);
        expectAnswers(instances, pending, asked, view);
      },
      askAgain: (id) => sender.askAgain(id, requestTo(id), sending),
    });
  }
}
