import { BackplaneClosedError } from '../../errors/backplane-closed.error.js';
import type { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import type { Target } from '../../hub/target.js';
import type { Transport } from '../../transport/transport.js';
import type { AudienceModifiers } from '../common/audience-modifiers.js';
import type { ChannelNames } from '../wire/channels.js';
import type { Identity } from '../membership/identity.js';
import { instanceOf } from '../wire/instance-id.js';
import type { InstanceRecord } from '../membership/instance-record.js';
import type { Instances } from '../membership/instances.js';
import type { Link } from '../link/link.js';
import type { LiveRooms } from '../live/live-rooms.js';
import type { OpenRequest, Requests } from './requests.js';
import { ANY_INSTANCE, type MembershipView } from './expected-answers.js';
import { GroupRequests } from './group-requests.js';
import { OwnerRequests } from './owner-requests.js';
import type { Operation, PeerRequest, PeerRequestArguments } from './peer-request.js';
import { PeerRequestSender } from './peer-request-sender.js';
import { note, owners } from './owners.js';
import type { Responder } from './responder.js';
import type { MissingInstance, MissingReason, Stale } from './results.js';
import type { LocalHubs } from '../local/local-hubs.js';
import type { UnreachedNames } from './unreached-names.js';

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
  readonly hints: Pick<UnreachedNames, 'look' | 'lookAtServers'>;
}

/** A request, as its caller gives it. */
export interface PeerRequestSpec {
  readonly operation: Operation;
  readonly hub: string;
  readonly target: Target;
  readonly modifiers: AudienceModifiers;
  readonly args?: PeerRequestArguments;
  /** @param id of the request, unique in the cluster */
  readonly body?: (id: string) => Buffer;
}

/** The missing parts, in the end. */
export interface Unanswered extends Stale {
  readonly instances: readonly MissingInstance[];
  /** The connections that were named, by the instance that was asked for them. */
  readonly named: ReadonlyMap<string, readonly string[]>;
  /** The named connections that no live instance has, as far as is known. */
  readonly unknownConnections: readonly string[];
  /**
   * Why they are missing: there are none (the default), or their instances are not known for now.
   */
  readonly unknownReason?: MissingReason;
}

type OnMessage = (instanceId: string, message: unknown) => void;

export const DEFAULT_REQUEST_TIMEOUT_MS = 5_000;
const NOTHING = Buffer.alloc(0);

/** Asks the instances that a call concerns: this one at once, the others through Redis. */
export class PeerRequests {
  readonly #options: PeerRequestsOptions;
  readonly #sender: PeerRequestSender;
  readonly #group: GroupRequests;
  readonly #owners: OwnerRequests;

  constructor(options: PeerRequestsOptions) {
    this.#options = options;
    this.#sender = new PeerRequestSender(options);
    this.#group = new GroupRequests({ ...options, sender: this.#sender });
    this.#owners = new OwnerRequests({ ...options, sender: this.#sender });
  }

  /**
   * About connections: asks the instances that serve the hub; for nothing but named connections,
   * only those that have them.
   * @throws (rejects) BackplaneClosedError
   */
  async gather(spec: PeerRequestSpec, onMessage: OnMessage): Promise<Unanswered> {
    const { identity, hubs, responder } = this.#options;
    const { hub, target, modifiers } = spec;
    const own = identity.current;
    const named = new Map<string, readonly string[]>();
    const unknownConnections: string[] = [];
    const view: MembershipView = { stale: false, complete: true };
    const heard = new Set<string>();
    const far = target.connections.filter((id) => !identity.isOwn(instanceOf(id)));
    const listen: OnMessage = (id, message) => {
      heard.add(id);
      onMessage(id, message);
    };
    const { open, request } = this.#open(spec, listen, () => this.#reachable(spec, far, named));
    const ownNamed = target.connections.filter((id) => identity.isOwn(instanceOf(id)));
    if (ownNamed.length > 0) named.set(own, ownNamed);
    if (hubs.get(hub) || ownNamed.length > 0) {
      open.pending.expectOwn(own);
      void responder.respond(request, own, (message, last, bytes) =>
        open.pending.message(own, message, last, bytes),
      );
    }
    if (modifiers.local) {
      for (const id of far) unknownConnections.push(id);
      open.pending.expectOthers([]);
    } else if (addressesGroups(target)) {
      const isAsked = (record: InstanceRecord): boolean => record.hubs.includes(hub);
      const onMembers = (records: readonly InstanceRecord[]): void => {
        const owned = owners(far, records);
        note(owned, named);
        for (const id of owned.unknownConnections) unknownConnections.push(id);
      };
      this.#group.ask(request, open, this.#options.channels.all(hub), { isAsked, view, onMembers });
    } else {
      this.#owners.ask(request, open, far, named, unknownConnections, view);
    }
    const instances = await open.pending.done;
    const silent = instances.filter(
      ({ instanceId, reason }) => reason === 'REQUEST_TIMEOUT' && !heard.has(instanceId),
    );
    this.#options.instances.missed(silent.map(({ instanceId }) => instanceId));
    const unknownReason = view.complete ? 'NO_SUCH_CONNECTION' : 'BACKPLANE_UNAVAILABLE';
    return { instances, named, unknownConnections, unknownReason, ...staleOf(view) };
  }

  /** Why the others cannot be counted; undefined while they can. */
  get failure(): BackplaneUnavailableError | undefined {
    return this.#options.instances.failure;
  }

  /**
   * The others who would be asked, as far as is known without Redis; notes which connections they
   * have.
   */
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
   * The other instances of the hub. Those that are not known to listen to its server events are
   * asked as well: a handler is there before anybody can know. An instance without one says so
   * itself.
   * @throws (rejects) BackplaneClosedError
   */
  async gatherFromServers(
    spec: PeerRequestSpec,
    onMessage: OnMessage,
  ): Promise<Stale & { readonly missing: MissingInstance[] }> {
    const { channels, instances } = this.#options;
    const { hub } = spec;
    const view: MembershipView = { stale: false, complete: true };
    const listens = (record: InstanceRecord): boolean => record.listens.includes(hub);
    const isDeaf = (record: InstanceRecord): boolean =>
      record.hubs.includes(hub) && !listens(record);
    const { open, request } = this.#open(spec, onMessage, () => {
      const known = instances.known().filter((record) => listens(record) || isDeaf(record));
      return known.map(({ id }) => id);
    });
    this.#group.ask(request, open, channels.server(hub), { isAsked: listens, isDeaf, view });
    return { missing: [...(await open.pending.done)], ...staleOf(view) };
  }

  /**
   * To the other instances that listen to the hub's server events; no answer. Rejects if it did not
   * leave.
   */
  async tellServers(spec: PeerRequestSpec): Promise<void> {
    const { channels, identity, requests, hints } = this.#options;
    hints.lookAtServers(spec.hub);
    const sequence = requests.nextSequence();
    const request = this.#request(spec, `${identity.current}.${sequence}`);
    await this.#sender.tell(channels.server(spec.hub), request, sequence);
  }

  #open(
    spec: PeerRequestSpec,
    onMessage: OnMessage,
    known: () => readonly string[],
  ): { open: OpenRequest; request: PeerRequest } {
    const { link, requests, identity, hints } = this.#options;
    if (spec.operation === 'event') hints.lookAtServers(spec.hub);
    else hints.look(spec.hub, spec.target);
    if (link.status === 'closed') throw new BackplaneClosedError();
    const timeoutMs = spec.modifiers.timeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
    const sequence = requests.nextSequence();
    // Throws for what is the caller's fault, before anything is open.
    const origin = identity.current;
    const request = this.#request(spec, `${origin}.${sequence}`);
    const open = requests.open({ sequence, origin, timeoutMs, onMessage, known });
    return { open, request: { ...request, allowedBytes: open.firstBytes } };
  }

  #request(
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
}

/** Somebody of whom only the instances know who that is. */
export function addressesGroups({ everyone, rooms, users }: Target): boolean {
  return everyone || rooms.length + users.length > 0;
}

/** The mark of it in a result. */
export function staleOf({ stale }: { readonly stale?: boolean }): Stale {
  return stale ? { stale } : {};
}
