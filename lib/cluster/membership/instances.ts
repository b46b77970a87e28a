import { BackplaneRefusedError } from '../../errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import type { LeaseList, Transport } from '../../transport/transport.js';
import type { ChannelNames } from '../wire/channels.js';
import { withDeadline } from '../../timing/deadline.js';
import type { Envelope } from '../wire/envelope.js';
import type { Identity } from './identity.js';
import { isInstanceId } from '../wire/instance-id.js';
import { type InstanceInfo, infoOf, type InstanceRecord, recordIn } from './instance-record.js';
import type { Link } from '../link/link.js';
import type { BackplaneLogger } from '../common/logger.js';
import { LeaseRenewals } from './lease-renewals.js';
import { OwnIds } from './own-ids.js';
import { OwnLease } from './own-lease.js';
import { type Announcement, OwnRecord } from './own-record.js';
import { decodeControlPayload } from '../wire/control-payload.js';
import { Membership, type MembershipEvents } from './membership.js';
import type { HubDirectory } from './hub-directory.js';
import type { ThrottledLog } from '../common/throttled-log.js';
import { UnansweredRequests } from './unanswered-requests.js';

export interface LeaseOptions {
  /** After so long without a renewal an instance counts as dead. Default 10,000. */
  readonly ttlMs: number;
  /** Default 3,000. */
  readonly renewEveryMs: number;
}

export const DEFAULT_LEASE: LeaseOptions = Object.freeze({ ttlMs: 10_000, renewEveryMs: 3_000 });

export interface InstancesOptions extends MembershipEvents {
  readonly transport: Transport;
  readonly link: Link;
  readonly channels: ChannelNames;
  readonly identity: Identity;
  readonly hubs: HubDirectory;
  readonly listens: () => readonly string[];
  /** Whether an answer to an id of this instance may be under way. */
  readonly isAsking: (id: string) => boolean;
  readonly liveWindowMs: number;
  /** The members were listed, or could not be. */
  readonly onMembers: () => void;
  readonly commandTimeoutMs: number;
  readonly lease: LeaseOptions;
  readonly logger: BackplaneLogger;
  readonly log: ThrottledLog;
}

/** The live instances. */
export type InstanceList = InstanceInfo[] & {
  /** The list could not be brought up to date: the others are those that were last known. */
  readonly stale?: true;
};

/** For so many times its ttl it is remembered of a lease that it was given up. */
const TTLS_OF_MEMORY = 6;
/** Those who announce themselves are looked up, all of so long together. */
const LOOK_EVERY_MS = 100;
/** Longer ones are believed by their lease only. */
const MAX_UNLEASED_LENGTH = 16 * 1024;

/** The live instances: this instance's own lease, and the other members. */
export class Instances {
  readonly #options: InstancesOptions;
  readonly #members: Membership;
  readonly #lease: OwnLease;
  readonly #own: OwnRecord;
  readonly #renewals: LeaseRenewals;
  readonly #unanswered = new UnansweredRequests();
  readonly #offStatus: () => void;
  /** A lease without a value, of an instance that is not known here, was in the last list. */
  #lacksRecord = false;
  /** The last one that announced itself without a lease and was not believed. */
  #stranger: string | undefined;
  #lookedAt = -Infinity;
  #closed = false;
  #looking: NodeJS.Timeout | undefined;

  constructor(options: InstancesOptions) {
    this.#options = options;
    this.#members = new Membership(options);
    const { link, channels, identity, transport, lease, logger, log } = options;
    this.#own = new OwnRecord(options);
    const ids = new OwnIds({ ...options, ttlMs: lease.ttlMs });
    this.#lease = new OwnLease({
      leases: transport.leases,
      key: channels.leases(),
      ttlMs: lease.ttlMs,
      logger,
      log,
      changeIdentity: () => ids.change(),
      inTime: (call) => this.#inTime(call),
    });
    this.#renewals = new LeaseRenewals({
      link,
      identity,
      lease: this.#lease,
      own: this.#own,
      ids,
      renewEveryMs: lease.renewEveryMs,
      time: () => this.#members.time,
      onList: (list, time) => void this.#update(list, time),
      onFailed: options.onMembers,
      announce: (announcement) => this.#announce(announcement),
    });
    this.#offStatus = link.onStatus((status) => {
      if (status === 'ready') void this.refresh();
      else {
        this.#lease.linkLost();
        this.#renewals.pause();
      }
    });
    link.subscriptions.acquire(channels.cluster());
    link.subscriptions.acquire(channels.direct(identity.current));
  }

  /** The others, as far as is known here. */
  known(): InstanceRecord[] {
    return this.#members.all();
  }

  /**
   * How many others are just leaving: they are not asked any more, and may still hear what is sent.
   */
  get leaving(): number {
    return this.#members.leaving;
  }

  /** Since this instance's lease was last renewed; undefined before the first time. */
  get leaseAgeMs(): number | undefined {
    return this.#lease.ageMs;
  }

  /**
   * The others are those that were last known: Redis does not keep the leases, or has lost them.
   */
  get isStale(): boolean {
    return this.#lease.isStale || this.#lacksRecord;
  }

  /** Whether an instance that is not known here does not live. */
  get isComplete(): boolean {
    return this.#lease.isComplete && !this.#lacksRecord;
  }

  /** Why the others cannot be counted; undefined while they can. */
  get failure(): BackplaneUnavailableError | undefined {
    return this.#lease.failure;
  }

  /** All live instances, this one first. @throws (rejects) BackplaneUnavailableError */
  async list(): Promise<InstanceList> {
    const others = await this.listMembers();
    const all = [infoOf(this.#own.current), ...others.map(infoOf)];
    return this.isStale ? Object.assign(all, { stale: true as const }) : all;
  }

  /**
   * The others, as Redis knows them when the call arrives there; it leaves at once. Where the list
   * cannot be believed, those that were last known are among them.
   * @throws (rejects) BackplaneUnavailableError
   */
  async listMembers(timeoutMs = this.#options.commandTimeoutMs): Promise<InstanceRecord[]> {
    const { transport, channels, identity } = this.#options;
    const { time } = this.#members;
    let list: LeaseList;
    try {
      list = await this.#inTime(transport.leases.list(channels.leases()), timeoutMs);
    } catch (error) {
      if (!(error instanceof BackplaneRefusedError)) throw error;
      this.#lease.lookFailed(error);
      return this.#members.all();
    }
    this.#lease.look(list, identity.current);
    // Claimed again at once, unless that was just refused.
    if (this.#lease.isStale && !this.#lease.isInTrouble) void this.refresh();
    return this.#update(list, time);
  }

  /** Requests that these instances did not answer by their deadline. */
  missed(ids: readonly string[]): void {
    if (!this.isComplete) this.#unanswered.missed(ids.filter((id) => this.#members.has(id)));
  }

  /** Something of the instance has arrived. */
  heard(id: string): void {
    this.#unanswered.heard(id);
  }

  /**
   * Whether there is no point in waiting for the instance: it may have died, and nobody can tell
   * for now.
   */
  isSilent(id: string): boolean {
    return !this.isComplete && this.#unanswered.isSilent(id);
  }

  /**
   * The content of the lease has changed. Resolves when the others can know it; at once while Redis
   * is away. Never rejects.
   */
  refresh(): Promise<void> {
    return this.#renewals.refresh();
  }

  /** Resolves when nothing is left to tell the others. */
  settled(): Promise<void> {
    return this.#renewals.settled();
  }

  /** Another instance joins, leaves, or says that it lives. False for what is no announcement. */
  receive({ origin, payload }: Envelope): boolean {
    const { left, value, alive } = decodeControlPayload(payload)?.fields ?? {};
    if (!isInstanceId(origin)) return false;
    if (left === true) {
      this.#members.remove(origin, 'left');
      return true;
    }
    const said = value ?? alive;
    const record = typeof said === 'string' ? recordIn({ id: origin, value: said }) : undefined;
    if (!record) return false;
    if (value === undefined) this.#lives(record, (said as string).length);
    // An instance that has a lease is in the list. The list is believed, and not an announcement,
    // which anybody can send.
    else this.#lookSoon();
    return true;
  }

  /** Leaves: the others know at once. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#offStatus();
    await this.#renewals.close();
    clearTimeout(this.#looking);
    const { transport, channels, identity, link, lease } = this.#options;
    if (this.#lease.ageMs === undefined && !this.#renewals.saidAlive) return;
    if (link.status !== 'ready') return;
    const rememberMs = TTLS_OF_MEMORY * lease.ttlMs;
    const left = [
      transport.leases.drop(channels.leases(), identity.current, rememberMs),
      this.#own.announce({ left: true }),
    ];
    // If it cannot be said, the lease says it in time.
    await this.#inTime(Promise.allSettled(left)).catch(() => {});
  }

  /**
   * An instance that cannot keep a lease lives. ForeignClients are believed where this one cannot,
   * either.
   */
  #lives(record: InstanceRecord, length: number): void {
    const { ttlMs } = this.#options.lease;
    this.heard(record.id);
    const isTrusted = this.#lease.isStale && length <= MAX_UNLEASED_LENGTH;
    if (this.#members.lives(record, performance.now() + ttlMs, isTrusted))
      return this.#options.onMembers();
    const { id, pid } = record;
    // The first time, this one may just not know yet that no leases are kept.
    if (this.#stranger === id) {
      this.#options.log.warn(
        'unleased-instance',
        `The instance ${id} (process ${pid}) announces itself and has no lease in Redis: it is left out of counts and ` +
          'requests. Its own log says why.',
      );
    }
    this.#stranger = id;
  }

  #lookSoon(): void {
    if (this.#closed) return;
    const ms = Math.max(0, this.#lookedAt + LOOK_EVERY_MS - performance.now());
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      this.#lookedAt = performance.now();
      this.listMembers().catch(() => {});
    }, ms);
  }

  #update(list: LeaseList, time: number): InstanceRecord[] {
    const others = list.leases.filter(({ id }) => !this.#options.identity.isOwn(id));
    const records: InstanceRecord[] = [];
    const unreadable: string[] = [];
    this.#lacksRecord = false;
    for (const lease of others) {
      const record = recordIn(lease);
      if (record) records.push(record);
      else unreadable.push(lease.id);
      if (lease.value === '' && !this.#members.has(lease.id)) this.#lacksRecord = true;
    }
    const { departed } = list;
    const { isComplete } = this.#lease;
    if (isComplete) this.#unanswered.clear();
    const present = this.#members.update({ records, unreadable, departed, time, isComplete });
    this.#options.onMembers();
    return present;
  }

  /** Never rejects: who does not hear it reads the lease. */
  async #announce(announcement: Announcement): Promise<void> {
    await this.#inTime(this.#own.announce(announcement)).catch(() => {});
  }

  #inTime<T>(promise: Promise<T>, ms = this.#options.commandTimeoutMs): Promise<T> {
    return withDeadline(
      promise,
      ms,
      () =>
        new BackplaneUnavailableError(
          `Redis did not say within ${ms} ms which instances there are. Ask again when it answers.`,
        ),
    );
  }
}
