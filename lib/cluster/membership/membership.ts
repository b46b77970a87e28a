import type { InstanceRecord } from './instance-record.js';

/** How an instance went: it said so, or its lease lapsed. */
export type Departure = 'left' | 'lost';

export interface MembershipEvents {
  joined(instance: InstanceRecord): void;
  gone(instance: InstanceRecord, how: Departure): void;
}

/** The leases, as they were at one time, without this instance's own. */
export interface MemberList {
  readonly records: readonly InstanceRecord[];
  /** The ids of leases that say nothing intelligible: they live all the same. */
  readonly unreadable: readonly string[];
  /** The ids of instances that gave up their leases. */
  readonly departed: readonly string[];
  /** {@link Membership.time} before the leases were asked for. */
  readonly time: number;
  /**
   * Whether an instance without a lease is lost. False: the leases may be gone, and not the
   * instances.
   */
  readonly isComplete: boolean;
}

interface Entry {
  readonly record: InstanceRecord;
  /** The membership's time when it was added. */
  readonly since: number;
  /** False: known by its word alone. */
  readonly isLeased: boolean;
  /** It said that it lives; until then it is not lost, with or without a lease. */
  livesUntil: number;
  /** Since it was seen that it gave up its lease. */
  leavingSince?: number;
}

/**
 * How long after an instance gave up its lease its goodbye is waited for. The goodbye comes behind
 * its last answers, and the list of leases, on another connection, before both.
 */
const GOODBYE_WITHIN_MS = 2_000;
/** Of instances that nobody but themselves vouches for. */
const MAX_UNLEASED = 1_024;
const MAX_DEPARTED = 1_024;

/**
 * The other live instances, as far as is known here: from the lists of leases, and from what they
 * say.
 */
export class Membership {
  readonly #events: MembershipEvents;
  readonly #present = new Map<string, Entry>();
  /** By id, when it departed: older news do not bring it back. */
  readonly #departed = new Map<string, number>();
  #unleased = 0;
  #time = 0;
  #wasListed = false;

  constructor(events: MembershipEvents) {
    this.#events = events;
  }

  /** To be noted before the leases are asked for: what happens later is not in the answer. */
  get time(): number {
    return this.#time;
  }

  all(): InstanceRecord[] {
    return [...this.#present.values()].filter(isStaying).map(({ record }) => record);
  }

  /**
   * How many have given up their lease and not said goodbye yet: they may still hear what is sent.
   */
  get leaving(): number {
    let count = 0;
    for (const entry of this.#present.values()) if (!isStaying(entry)) count++;
    return count;
  }

  has(id: string): boolean {
    return this.#present.has(id);
  }

  /**
   * Updates the members from a list of leases. Returns all that live, as far as is known: those of
   * the list, and those that cannot be taken for lost although they are not in it.
   */
  update(list: MemberList): InstanceRecord[] {
    const live = new Set([...list.records.map(({ id }) => id), ...list.unreadable]);
    this.#withoutLease(list, live);
    for (const record of list.records) this.#listed(record, list, live);
    this.#wasListed = true;
    return [...this.#present.values()]
      .filter(({ record, since }) => since <= list.time || live.has(record.id))
      .filter(isStaying)
      .map(({ record }) => record);
  }

  /**
   * An instance says that it lives, and has no lease. Of one that is known, that is believed; the
   * rest of what it says, and a stranger, only if it is trusted, and while there is room.
   * @returns false if it stays unknown
   */
  lives(record: InstanceRecord, livesUntil: number, isTrusted: boolean): boolean {
    const present = this.#present.get(record.id);
    if (!present && (!isTrusted || this.#unleased >= MAX_UNLEASED)) return false;
    // An announcement is no proof that a former instance has ended.
    const former = present?.record.former ?? [];
    if (isTrusted) this.#put({ ...record, former }, present?.isLeased ?? false);
    this.#present.get(record.id)!.livesUntil = livesUntil;
    return true;
  }

  remove(id: string, how: Departure): void {
    // The newest stands last.
    this.#departed.delete(id);
    this.#departed.set(id, ++this.#time);
    if (this.#departed.size > MAX_DEPARTED)
      this.#departed.delete(this.#departed.keys().next().value!);
    const entry = this.#present.get(id);
    if (!entry) return;
    this.#present.delete(id);
    if (!entry.isLeased) this.#unleased--;
    this.#events.gone(entry.record, how);
  }

  #withoutLease(list: MemberList, live: ReadonlySet<string>): void {
    const { time, isComplete } = list;
    const departed = new Set(list.departed);
    const now = performance.now();
    for (const [id, entry] of this.#present) {
      if (live.has(id)) {
        entry.leavingSince = undefined;
        continue;
      }
      if (entry.since > time) continue;
      if (departed.has(id)) entry.leavingSince ??= now;
      if (entry.leavingSince !== undefined) {
        if (now - entry.leavingSince >= GOODBYE_WITHIN_MS) this.remove(id, 'left');
      } else if (isComplete && entry.livesUntil <= now) {
        this.remove(id, 'lost');
      }
    }
  }

  #listed(record: InstanceRecord, { time }: MemberList, live: ReadonlySet<string>): void {
    if ((this.#departed.get(record.id) ?? 0) > time) return;
    for (const id of record.former) {
      // One whose lease lives is somebody else's.
      if (!live.has(id) && (this.#present.get(id)?.since ?? 0) <= time) this.remove(id, 'lost');
    }
    this.#put(record, true);
  }

  #put(record: InstanceRecord, isLeased: boolean): void {
    const { id } = record;
    const present = this.#present.get(id);
    const since = present?.since ?? ++this.#time;
    this.#unleased += Number(!isLeased) - Number(present !== undefined && !present.isLeased);
    this.#present.set(id, { record, since, isLeased, livesUntil: present?.livesUntil ?? 0 });
    if (!present && this.#wasListed) this.#events.joined(record);
  }
}

function isStaying({ leavingSince }: Entry): boolean {
  return leavingSince === undefined;
}
