import type { InstanceRecord } from './instance-record.js';
import { RecentIds } from '../recent-ids.js';

/** How an instance went: it said so, or its lease lapsed. */
export type Departure = 'left' | 'lost';

export interface RollEvents {
  joined(instance: InstanceRecord): void;
  gone(instance: InstanceRecord, how: Departure): void;
}

interface Entry {
  readonly record: InstanceRecord;
  /** The roll's time when it was added. */
  readonly since: number;
}

/** The other live instances, as far as is known here: from their announcements, and from the list of leases. */
export class Roll {
  readonly #events: RollEvents;
  readonly #present = new Map<string, Entry>();
  /** Ids of instances that have gone: they never return, whatever older news say. */
  readonly #gone = new RecentIds(1_024);
  #time = 0;
  #called = false;

  constructor(events: RollEvents) {
    this.#events = events;
  }

  /** To be noted before the leases are asked for: what joins later is not in the answer. */
  get time(): number {
    return this.#time;
  }

  all(): InstanceRecord[] {
    return [...this.#present.values()].map(({ record }) => record);
  }

  /** The instance with the id, now or formerly. */
  find(id: string): InstanceRecord | undefined {
    const present = this.#present.get(id);
    if (present) return present.record;
    for (const { record } of this.#present.values()) if (record.former.includes(id)) return record;
    return undefined;
  }

  /** All live instances but this, as they were at a time of the roll. Answers with those that have not gone since. */
  call(records: readonly InstanceRecord[], time: number): InstanceRecord[] {
    const live = new Set(records.map(({ id }) => id));
    for (const [id, { since }] of this.#present)
      if (since <= time && !live.has(id)) this.remove(id, 'lost');
    for (const record of records) this.add(record, this.#called);
    this.#called = true;
    return records.filter(({ id }) => this.#present.has(id));
  }

  /** @param isNews false: it was there before this instance */
  add(record: InstanceRecord, isNews = true): void {
    if (this.#gone.has(record.id)) return;
    for (const id of record.former) this.remove(id, 'lost');
    const present = this.#present.get(record.id);
    this.#present.set(record.id, { record, since: present?.since ?? ++this.#time });
    if (!present && isNews) this.#events.joined(record);
  }

  remove(id: string, how: Departure): void {
    this.#gone.add(id);
    const entry = this.#present.get(id);
    if (!entry) return;
    this.#present.delete(id);
    this.#events.gone(entry.record, how);
  }
}
