import { hostname } from 'node:os';

import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import type { Lease, Transport } from '../../transport/transport.js';
import type { ChannelNames } from '../wire/channels.js';
import { withDeadline } from '../../timing/deadline.js';
import { encodeControl, type Envelope, EnvelopeKind } from '../wire/envelope.js';
import type { Identity } from './identity.js';
import { instanceOf } from './instance-id.js';
import { type InstanceInfo, infoOf, type InstanceRecord, recordIn } from './instance-record.js';
import type { Link } from '../link/link.js';
import type { BackplaneLogger } from '../logger.js';
import { decodeParcel, encodeParcel } from '../wire/parcel.js';
import { Roll, type RollEvents } from './roll.js';
import type { ServedHubs } from '../served-hubs.js';

export interface LeaseOptions {
  /** After so long without a renewal an instance counts as dead. Default 10,000. */
  readonly ttlMs: number;
  /** Default 3,000. */
  readonly renewEveryMs: number;
}

export const DEFAULT_LEASE: LeaseOptions = Object.freeze({ ttlMs: 10_000, renewEveryMs: 3_000 });

export interface InstancesOptions extends RollEvents {
  readonly transport: Transport;
  readonly link: Link;
  readonly channels: ChannelNames;
  readonly identity: Identity;
  readonly hubs: ServedHubs;
  /** The hubs whose server events this instance listens to. */
  readonly listens: () => readonly string[];
  /** Whether an answer to an id of this instance may be under way. */
  readonly isAsking: (id: string) => boolean;
  readonly commandTimeoutMs: number;
  readonly lease: LeaseOptions;
  readonly logger: BackplaneLogger;
}

/** A lapsed lease is noticed so long after. */
const LAPSE_MARGIN_MS = 20;

/** Who is alive: this instance's own lease, and the roll of the others. */
export class Instances {
  readonly #options: InstancesOptions;
  readonly #roll: Roll;
  readonly #startedAt = Date.now();
  readonly #offStatus: () => void;
  #holdsLease = false;
  #closed = false;
  /** Since the lease was renewed last. */
  #linkWasLost = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(options: InstancesOptions) {
    this.#options = options;
    this.#roll = new Roll(options);
    const { link, channels, identity } = options;
    this.#offStatus = link.onStatus((status) => {
      if (status === 'ready') void this.refresh();
      else {
        this.#linkWasLost = true;
        clearTimeout(this.#timer);
      }
    });
    link.subscriptions.acquire(channels.cluster());
    link.subscriptions.acquire(channels.direct(identity.current));
  }

  /** The others, as far as is known here. */
  known(): InstanceRecord[] {
    return this.#roll.all();
  }

  /** The other instance with the id, now or formerly, as far as is known here. */
  find(id: string): InstanceRecord | undefined {
    return this.#roll.find(id);
  }

  /** All live instances, this one first. @throws (rejects) BackplaneUnavailableError */
  async list(): Promise<InstanceInfo[]> {
    const others = await this.callRoll();
    return [infoOf(this.#ownRecord()), ...others.map(infoOf)];
  }

  /** The others, as Redis knows them when the call arrives there; it leaves at once. @throws (rejects) BackplaneUnavailableError */
  async callRoll(timeoutMs = this.#options.commandTimeoutMs): Promise<InstanceRecord[]> {
    const { transport, channels } = this.#options;
    const { time } = this.#roll;
    const leases = await this.#inTime(transport.leases.list(channels.leases()), timeoutMs);
    return this.#call(leases, time);
  }

  /** What the lease says has changed. Resolves when the others can know it; at once while Redis is away. Never rejects. */
  refresh(): Promise<void> {
    if (this.#closed || this.#options.link.status !== 'ready') return Promise.resolve();
    if (this.#running) {
      // What is under way may have left without it.
      return (this.#next ??= this.#running.then(() => {
        this.#next = undefined;
        return this.refresh();
      }));
    }
    this.#running = this.#renew().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Resolves when nothing is left to tell the others. */
  settled(): Promise<void> {
    return this.#next ?? this.#running ?? Promise.resolve();
  }

  /** Another instance joins or leaves. False for what is no announcement. */
  receive(envelope: Envelope): boolean {
    const fields = decodeParcel(envelope.payload)?.fields;
    if (fields?.left === true) {
      this.#roll.remove(envelope.origin, 'left');
      return true;
    }
    if (typeof fields?.value !== 'string') return false;
    const record = recordIn({ id: envelope.origin, value: fields.value });
    if (record) this.#roll.add(record);
    return record !== undefined;
  }

  /** Leaves: the others know at once. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#offStatus();
    clearTimeout(this.#timer);
    await this.#running;
    clearTimeout(this.#timer);
    const { transport, channels, identity, link } = this.#options;
    if (!this.#holdsLease || link.status !== 'ready') return;
    const left = [
      transport.leases.drop(channels.leases(), identity.current),
      this.#announce({ left: true }),
    ];
    // If it cannot be said, the lease says it in time.
    await this.#inTime(Promise.all(left)).catch(() => {});
  }

  async #renew(): Promise<void> {
    clearTimeout(this.#timer);
    const { renewEveryMs, ttlMs } = this.#options.lease;
    let soonest = renewEveryMs;
    try {
      this.#retire();
      const { time } = this.#roll;
      const leases = await this.#renewLease(ttlMs);
      this.#call(leases, time);
      // Who is about to lapse is looked after when that is due.
      for (const { remainingMs } of leases)
        soonest = Math.min(soonest, remainingMs + LAPSE_MARGIN_MS);
      this.#linkWasLost = false;
    } catch {
      // Redis is away: the link says so.
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.refresh(), soonest);
  }

  async #renewLease(ttlMs: number): Promise<readonly Lease[]> {
    const { transport, channels, identity } = this.#options;
    const key = channels.leases();
    if (this.#holdsLease) {
      const renewing = transport.leases.renew(key, identity.current, this.#value(), ttlMs);
      const leases = await this.#inTime(renewing);
      if (leases) return leases;
      this.#holdsLease = false;
      await this.#changeIdentity();
    }
    const value = this.#value();
    const leases = await this.#inTime(transport.leases.claim(key, identity.current, value, ttlMs));
    this.#holdsLease = true;
    await this.#inTime(this.#announce({ value }));
    return leases;
  }

  /** To the others, the instance with the lapsed lease has died. */
  async #changeIdentity(): Promise<void> {
    const { identity, hubs, link, channels, logger } = this.#options;
    const former = identity.current;
    const id = identity.change();
    if (!this.#linkWasLost) {
      logger.warn(
        `This instance did not renew its lease for ${this.#options.lease.ttlMs} ms: was its event loop blocked, or the process ` +
          `stopped? The others have taken it for dead, and it goes on as ${id}, formerly ${former}.`,
      );
    }
    const { confirmed } = link.subscriptions.acquire(channels.direct(id));
    await Promise.all([confirmed, hubs.listenAs(id)]);
  }

  /** Former ids are needed while a connection has its id from them, and while something sent under them may be under way. */
  #retire(): void {
    const { identity, hubs, link, channels, lease, isAsking } = this.#options;
    if (identity.former.length === 0) return;
    const births = new Set(hubs.connectionIds().map(instanceOf));
    const isNeeded = (former: string): boolean => births.has(former) || isAsking(former);
    for (const id of identity.retire(lease.ttlMs, isNeeded)) {
      link.subscriptions.release(channels.direct(id));
      hubs.silenceAs(id);
    }
  }

  #call(leases: readonly Lease[], time: number): InstanceRecord[] {
    const others = leases
      .filter(({ id }) => !this.#options.identity.isOwn(id))
      .map(recordIn)
      .filter((record) => record !== undefined);
    return this.#roll.call(others, time);
  }

  #ownRecord(): InstanceRecord {
    const { identity, hubs, listens } = this.#options;
    return {
      id: identity.current,
      host: hostname(),
      pid: process.pid,
      startedAt: this.#startedAt,
      connections: hubs.connections,
      hubs: hubs.listening(),
      listens: listens(),
      former: identity.former,
    };
  }

  #value(): string {
    const { id: _, ...said } = this.#ownRecord();
    return JSON.stringify(said);
  }

  #announce(fields: Record<string, unknown>): Promise<void> {
    const { transport, channels, identity } = this.#options;
    const bytes = encodeControl({
      kind: EnvelopeKind.announcement,
      origin: identity.current,
      sequence: 0,
      payload: encodeParcel(fields),
    });
    return transport.publish(channels.cluster(), bytes);
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
