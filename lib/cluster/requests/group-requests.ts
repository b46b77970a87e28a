import { Deadline } from '../../timing/deadline.js';
import type { Link } from '../link/link.js';
import type { InstanceRecord } from '../membership/instance-record.js';
import type { Instances } from '../membership/instances.js';
import { ANY_INSTANCE, expectAnswers, type MembershipView } from './expected-answers.js';
import type { PeerRequest } from './peer-request.js';
import type { PeerRequestSender } from './peer-request-sender.js';
import type { PendingRequest } from './pending-request.js';
import type { OpenRequest, Requests } from './requests.js';

export interface GroupRequestsOptions {
  readonly link: Link;
  readonly instances: Instances;
  readonly requests: Requests;
  readonly sender: PeerRequestSender;
  readonly commandTimeoutMs: number;
}

/** The instances that a message to all asks. */
export interface Recipients {
  readonly isAsked: (record: InstanceRecord) => boolean;
  /**
   * Those to ask one by one, as all are where fewer have heard the request than are known to
   * listen.
   */
  readonly isDeaf?: (record: InstanceRecord) => boolean;
  readonly view: MembershipView;
  readonly onMembers?: (records: readonly InstanceRecord[]) => void;
}

/** Asks all instances that listen on a channel, and misses none without naming it. */
export class GroupRequests {
  readonly #options: GroupRequestsOptions;

  constructor(options: GroupRequestsOptions) {
    this.#options = options;
  }

  /**
   * Sends one message to all who listen on the channel. The members are listed at the moment in
   * which the message leaves, so that all who hear it are expected to answer. Redis says how many
   * have heard it. Instances that may not listen get a copy each.
   */
  ask(
    request: PeerRequest,
    { pending, sequence, askOthers }: OpenRequest,
    channel: string,
    { isAsked, isDeaf, view, onMembers = () => {} }: Recipients,
  ): void {
    const { instances, link, sender } = this.#options;
    if (link.status !== 'ready') return pending.failRemote('BACKPLANE_UNAVAILABLE');
    const sending = sender.begin(pending, sequence);
    askOthers({
      waitsHere: sending.waitsHere,
      ask: async () => {
        let list!: (members: Promise<readonly InstanceRecord[]>) => void;
        const members = new Promise<readonly InstanceRecord[]>((resolve) => (list = resolve));
        const onLeave = (): void => list(instances.listMembers());
        const sent = sender.publish(channel, request, sending, onLeave);
        const [records, heard] = await Promise.all([members, sent]);
        if (pending.others) return;
        onMembers(records);
        const ids = records.filter(isAsked).map(({ id }) => id);
        const deaf = isDeaf ? records.filter(isDeaf).map(({ id }) => id) : [];
        // That nobody is known is no knowledge.
        const isBlind = instances.isStale && records.length === 0;
        if (isBlind) pending.lacks(ANY_INSTANCE, 'BACKPLANE_UNAVAILABLE');
        const unlisted = this.#unlistedOn(channel, heard, ids.length);
        expectAnswers(instances, pending, [...ids, ...deaf], view, { unlisted, deaf });
        this.#awaitUnlisted(pending, channel);
        // Some may have ceased to listen: it is not known which.
        const isHeardByAll = !isDeaf || this.#isHeardBy(channel, heard, ids.length);
        const oneByOne = isHeardByAll ? deaf : [...deaf, ...ids];
        await Promise.all(oneByOne.map((id) => sender.askAgain(id, request, sending)));
      },
      askAgain: (id) => sender.askAgain(id, request, sending),
    });
  }

  /** How many have heard a request besides those that are asked. */
  #unlistedOn(channel: string, heard: number | undefined, asked: number): number {
    const { requests, instances } = this.#options;
    const expected = asked + this.#ownOn(channel) + instances.leaving;
    return requests.unlisted.among(channel, heard, expected);
  }

  #isHeardBy(channel: string, heard: number | undefined, asked: number): boolean {
    return heard !== undefined && heard >= asked + this.#ownOn(channel);
  }

  #ownOn(channel: string): number {
    return this.#options.link.subscriptions.has(channel) ? 1 : 0;
  }

  /** One that is in no list and does not answer soon may be no instance. */
  #awaitUnlisted(pending: PendingRequest, channel: string): void {
    if (pending.unlisted === 0) return;
    const { requests, commandTimeoutMs } = this.#options;
    const deadline = new Deadline(commandTimeoutMs / 2, () =>
      requests.unlisted.didNotAnswer(channel, pending.giveUpUnlisted()),
    );
    void pending.done.then(() => deadline.cancel());
  }
}
