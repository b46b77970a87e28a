import { BackplaneClosedError } from '../../errors/backplane-closed.error.js';
import type { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import type { Target } from '../../hub/target.js';
import { Deadline } from '../../timing/deadline.js';
import { Ticket } from '../../transport/ticket.js';
import type { Transport } from '../../transport/transport.js';
import type { AudienceModifiers } from '../common/audience-modifiers.js';
import type { ChannelNames } from '../wire/channels.js';
import { encodeControl, EnvelopeKind } from '../wire/envelope.js';
import type { Identity } from '../membership/identity.js';
import { instanceOf } from '../wire/instance-id.js';
import type { InstanceRecord } from '../membership/instance-record.js';
import type { Instances } from '../membership/instances.js';
import type { Link } from '../link/link.js';
import type { Hearers, PendingRequest } from './pending-request.js';
import type { LiveRooms } from '../live/live-rooms.js';
import type { OpenRequest, Requests } from './requests.js';
import {
  encodePeerRequest,
  type Operation,
  type PeerRequest,
  type PeerRequestArguments,
} from './peer-request.js';
import { note, owners } from './owners.js';
import type { Responder } from './responder.js';
import type { MissingInstance, MissingReason, Stale } from './results.js';
import type { LocalHubs } from '../local/local-hubs.js';
import type { TargetHints } from './target-hints.js';

export interface PeerRequestsOptions {
  readonly transport: Transport;
  readonly link: Link;
  readonly channels: ChannelNames;
  readonly identity: Identity;
  readonly hubs: LocalHubs;
  readonly instances: Instances;
  readonly requests: Requests;
  readonly responder: Responder;
  readonly commandTimeoutMs: number;
  readonly live: Pick<LiveRooms, 'sender'>;
  readonly hints: Pick<TargetHints, 'look' | 'lookAtServers'>;
}

/** A question as its asker puts it. */
export interface PeerRequestSpec {
  readonly operation: Operation;
  readonly hub: string;
  readonly target: Target;
  readonly modifiers: AudienceModifiers;
  readonly args?: PeerRequestArguments;
  /** @param id of the question, unique in the cluster */
  readonly body?: (id: string) => Buffer;
}

/** The missing parts, in the end. */
export interface Unanswered extends Stale {
  readonly instances: readonly MissingInstance[];
  /** The connections that were named, by the instance that was asked for them. */
  readonly named: ReadonlyMap<string, readonly string[]>;
  /** The named connections that no live instance has, as far as is known. */
  readonly unknownConnections: readonly string[];
  /** Why they are missing: there are none (the default), or their instances are not known for now. */
  readonly unknownReason?: MissingReason;
}

/** The knowledge of the cluster when it was asked. */
interface Belief {
  stale: boolean;
  complete: boolean;
}

type OnMessage = (instanceId: string, message: unknown) => void;

export const DEFAULT_REQUEST_TIMEOUT_MS = 5_000;
/** Stands for other instances of which nothing is known here. */
export const ANY_INSTANCE = '*';
const NOTHING = Buffer.alloc(0);

/** Puts questions to the instances that matter: to this one at once, to the others through Redis. */
export class PeerRequests {
  readonly #options: PeerRequestsOptions;

  constructor(options: PeerRequestsOptions) {
    this.#options = options;
  }

  /**
   * About connections: asks the instances that serve the hub; for nothing but named connections, only those that have them.
   * @throws (rejects) BackplaneClosedError
   */
  async gather(inquiry: PeerRequestSpec, onMessage: OnMessage): Promise<Unanswered> {
    const { identity, hubs, responder } = this.#options;
    const { hub, target, modifiers } = inquiry;
    const own = identity.current;
    const named = new Map<string, readonly string[]>();
    const unknownConnections: string[] = [];
    const belief: Belief = { stale: false, complete: true };
    const heard = new Set<string>();
    const far = target.connections.filter((id) => !identity.isOwn(instanceOf(id)));
    const listen: OnMessage = (id, message) => {
      heard.add(id);
      onMessage(id, message);
    };
    const { open, question } = this.#open(inquiry, listen, () =>
      this.#reachable(inquiry, far, named),
    );
    const ownNamed = target.connections.filter((id) => identity.isOwn(instanceOf(id)));
    if (ownNamed.length > 0) named.set(own, ownNamed);
    if (hubs.get(hub) || ownNamed.length > 0) {
      open.pending.expectOwn(own);
      void responder.respond(question, own, (message, last, bytes) =>
        open.pending.message(own, message, last, bytes),
      );
    }
    if (modifiers.local) {
      for (const id of far) unknownConnections.push(id);
      open.pending.expectOthers([]);
    } else if (addressesGroups(target)) {
      const isAsked = (record: InstanceRecord): boolean => record.hubs.includes(hub);
      const onRoll = (records: readonly InstanceRecord[]): void => {
        const owned = owners(far, records);
        note(owned, named);
        for (const id of owned.unknownConnections) unknownConnections.push(id);
      };
      this.#askAll(question, open, this.#options.channels.all(hub), { isAsked, belief, onRoll });
    } else {
      this.#askOwners(question, open, far, named, unknownConnections, belief);
    }
    const instances = await open.pending.done;
    const silent = instances.filter(
      ({ instanceId, reason }) => reason === 'REQUEST_TIMEOUT' && !heard.has(instanceId),
    );
    this.#options.instances.missed(silent.map(({ instanceId }) => instanceId));
    const unknownReason = belief.complete ? 'NO_SUCH_CONNECTION' : 'BACKPLANE_UNAVAILABLE';
    return { instances, named, unknownConnections, unknownReason, ...staleOf(belief) };
  }

  /** Why the others cannot be counted; undefined while they can. */
  get failure(): BackplaneUnavailableError | undefined {
    return this.#options.instances.failure;
  }

  /** The others who would be asked, as far as is known without Redis; notes which connections they have. */
  #reachable(
    { hub, target }: PeerRequestSpec,
    far: readonly string[],
    named: Map<string, readonly string[]>,
  ): string[] {
    const known = this.#options.instances.known();
    const owned = owners(far, known);
    note(owned, named);
    if (owned.unknownConnections.length > 0) named.set(ANY_INSTANCE, owned.unknownConnections);
    const serving = addressesGroups(target) ? known.filter(({ hubs }) => hubs.includes(hub)) : [];
    const ids = new Set([...serving.map(({ id }) => id), ...named.keys()]);
    return [...ids].filter((id) => !this.#options.identity.isOwn(id));
  }

  /**
   * The other instances of the hub. Those that are not known to listen to its server events are asked as well: a handler is there before
   * anybody can know. An instance without one says so itself.
   * @throws (rejects) BackplaneClosedError
   */
  async gatherFromServers(
    inquiry: PeerRequestSpec,
    onMessage: OnMessage,
  ): Promise<Stale & { readonly missing: MissingInstance[] }> {
    const { channels, instances } = this.#options;
    const { hub } = inquiry;
    const belief: Belief = { stale: false, complete: true };
    const listens = (record: InstanceRecord): boolean => record.listens.includes(hub);
    const isDeaf = (record: InstanceRecord): boolean =>
      record.hubs.includes(hub) && !listens(record);
    const { open, question } = this.#open(inquiry, onMessage, () => {
      const known = instances.known().filter((record) => listens(record) || isDeaf(record));
      return known.map(({ id }) => id);
    });
    this.#askAll(question, open, channels.server(hub), { isAsked: listens, isDeaf, belief });
    return { missing: [...(await open.pending.done)], ...staleOf(belief) };
  }

  /** To the other instances that listen to the hub's server events; no answer. Rejects if it did not leave. */
  async tellServers(inquiry: PeerRequestSpec): Promise<void> {
    const { channels, transport, identity, requests, live, hints } = this.#options;
    hints.lookAtServers(inquiry.hub);
    const sequence = requests.nextSequence();
    const question = this.#question(inquiry, `${identity.current}.${sequence}`);
    if (live.sender.isBehind) await live.sender.caughtUp();
    await transport.publish(channels.server(inquiry.hub), this.#envelope(question, sequence));
  }

  #open(
    inquiry: PeerRequestSpec,
    onMessage: OnMessage,
    known: () => readonly string[],
  ): { open: OpenRequest; question: PeerRequest } {
    const { link, requests, identity, hints } = this.#options;
    if (inquiry.operation === 'event') hints.lookAtServers(inquiry.hub);
    else hints.look(inquiry.hub, inquiry.target);
    if (link.status === 'closed') throw new BackplaneClosedError();
    const timeoutMs = inquiry.modifiers.timeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
    const sequence = requests.nextSequence();
    // Throws for what is the caller's fault, before anything is open.
    const origin = identity.current;
    const question = this.#question(inquiry, `${origin}.${sequence}`);
    const open = requests.open({ sequence, origin, timeoutMs, onMessage, known });
    return { open, question: { ...question, allowedBytes: open.firstBytes } };
  }

  #question(
    { operation, hub, target, modifiers, args = {}, body }: PeerRequestSpec,
    id: string,
  ): PeerRequest {
    return {
      operation,
      hub,
      target,
      delivery: modifiers,
      timeoutMs: modifiers.timeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
      args,
      id,
      body: body?.(id) ?? NOTHING,
      taken: 0,
      allowedBytes: 0,
    };
  }

  /**
   * One message to all who listen on the channel. The roll is called in the same breath, in the moment in which the message
   * leaves, so that all who hear it are expected to answer; and Redis says how many they are. Deaf ones, which are not expected to hear
   * it, get a copy each.
   */
  #askAll(
    question: PeerRequest,
    { pending, sequence, askOthers }: OpenRequest,
    channel: string,
    { isAsked, isDeaf, belief, onRoll = () => {} }: Askees,
  ): void {
    const { instances, link } = this.#options;
    if (link.status !== 'ready') return pending.failRemote('BACKPLANE_UNAVAILABLE');
    const sending = sendingOf(pending, sequence);
    askOthers({
      waitsHere: sending.waitsHere,
      ask: async () => {
        let calls!: (roll: Promise<readonly InstanceRecord[]>) => void;
        const roll = new Promise<readonly InstanceRecord[]>((resolve) => (calls = resolve));
        const onLeave = (): void => calls(instances.listMembers());
        const sent = this.#publish(channel, question, sending, onLeave);
        const [records, heard] = await Promise.all([roll, sent]);
        if (pending.others) return;
        onRoll(records);
        const ids = records.filter(isAsked).map(({ id }) => id);
        const deaf = isDeaf ? records.filter(isDeaf).map(({ id }) => id) : [];
        // That nobody is known is no knowledge.
        const isBlind = instances.isStale && records.length === 0;
        if (isBlind) pending.lacks(ANY_INSTANCE, 'BACKPLANE_UNAVAILABLE');
        const unlisted = this.#unlistedOn(channel, heard, ids.length);
        this.#expect(pending, [...ids, ...deaf], belief, { unlisted, deaf });
        this.#awaitUnlisted(pending, channel);
        // Some may have ceased to listen: it is not known which.
        const isHeardByAll = !isDeaf || this.#isHeardBy(channel, heard, ids.length);
        const oneByOne = isHeardByAll ? deaf : [...deaf, ...ids];
        await Promise.all(oneByOne.map((id) => this.#askAgain(id, question, sending)));
      },
      askAgain: (id) => this.#askAgain(id, question, sending),
    });
  }

  /**
   * These others are to answer. One that may have died, and did not answer lately, is not waited for.
   */
  #expect(
    pending: PendingRequest,
    ids: readonly string[],
    belief: Belief,
    besides: Hearers = {},
  ): void {
    const { instances } = this.#options;
    belief.stale = instances.isStale;
    belief.complete = instances.isComplete;
    pending.expectOthers(ids, besides);
    for (const id of ids) if (instances.isSilent(id)) pending.fail(id, 'REQUEST_TIMEOUT');
  }

  /** How many have heard a question besides those that are asked. */
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

  /** Straight to the instances that have the connections; who has them is looked up only where it is not known. */
  #askOwners(
    question: PeerRequest,
    { pending, sequence, askOthers }: OpenRequest,
    ids: readonly string[],
    named: Map<string, readonly string[]>,
    unknownConnections: string[],
    belief: Belief,
  ): void {
    if (ids.length === 0) return pending.expectOthers([]);
    const { instances, link, channels } = this.#options;
    if (link.status !== 'ready') return pending.failRemote('BACKPLANE_UNAVAILABLE');
    // Each is asked for its own only: the bytes must not grow with the square of the names.
    const questionTo = (id: string): PeerRequest => ({
      ...question,
      target: { ...question.target, connections: named.get(id) ?? [] },
    });
    const sending = sendingOf(pending, sequence);
    askOthers({
      waitsHere: sending.waitsHere,
      ask: async () => {
        const known = owners(ids, instances.known());
        // Somebody may have come of whom nothing is known here yet.
        const isKnown = known.unknownConnections.length === 0;
        const owned = isKnown ? known : owners(ids, await instances.listMembers());
        note(owned, named);
        const asked = [...owned.byOwner.keys()];
        const sent = asked.map((id) => this.#publish(channels.direct(id), questionTo(id), sending));
        await Promise.all(sent);
        if (pending.others) return;
        for (const id of owned.unknownConnections) unknownConnections.push(id);
        this.#expect(pending, asked, belief);
      },
      askAgain: (id) => this.#askAgain(id, questionTo(id), sending),
    });
  }

  /** Under the same number: who has carried it out sends only what has not come of its answer. */
  async #askAgain(
    instanceId: string,
    question: PeerRequest,
    sending: RequestSending,
  ): Promise<void> {
    const { taken, allowedBytes } = sending.pending.progressOf(instanceId);
    const channel = this.#options.channels.direct(instanceId);
    await this.#publish(channel, { ...question, taken, allowedBytes }, sending);
  }

  /** Behind what was sent before, for which it may have to wait; never when nobody waits for the answers any more. */
  async #publish(
    channel: string,
    question: PeerRequest,
    { sequence, tickets }: RequestSending,
    onLeave?: () => void,
  ): Promise<number | undefined> {
    const ticket = new Ticket(onLeave);
    tickets.add(ticket);
    const bytes = this.#envelope(question, sequence);
    try {
      const { transport, live } = this.#options;
      if (live.sender.isBehind) await live.sender.caughtUp();
      return await transport.publishAndCount(channel, bytes, { lane: 'control', ticket });
    } finally {
      tickets.delete(ticket);
    }
  }

  #envelope(question: PeerRequest, sequence: number): Buffer {
    const { volatile, compress } = question.delivery;
    return encodeControl({
      kind: EnvelopeKind.request,
      origin: instanceOf(question.id)!,
      sequence,
      mayRepeat: this.#options.transport.mayRepeat,
      volatile,
      compress,
      ...encodePeerRequest(question),
    });
  }
}

/** The instances that a message to all asks. */
interface Askees {
  readonly isAsked: (record: InstanceRecord) => boolean;
  /** Those to ask one by one, as all are where fewer have heard the question than are known to listen. */
  readonly isDeaf?: (record: InstanceRecord) => boolean;
  readonly belief: Belief;
  readonly onRoll?: (records: readonly InstanceRecord[]) => void;
}

/** A request, and the copies of it that Redis has not taken. */
interface RequestSending extends Pick<OpenRequest, 'pending' | 'sequence'> {
  readonly tickets: Set<Ticket>;
  readonly waitsHere: () => boolean;
}

function sendingOf(pending: PendingRequest, sequence: number): RequestSending {
  const tickets = new Set<Ticket>();
  void pending.done.then(() => {
    for (const ticket of tickets) ticket.withdraw();
  });
  const waitsHere = (): boolean => [...tickets].some(({ isHere }) => isHere);
  return { pending, sequence, tickets, waitsHere };
}

/** Somebody of whom only the instances know who that is. */
export function addressesGroups({ everyone, rooms, users }: Target): boolean {
  return everyone || rooms.length + users.length > 0;
}

/** The mark of it in a result. */
export function staleOf({ stale }: { readonly stale?: boolean }): Stale {
  return stale ? { stale } : {};
}
