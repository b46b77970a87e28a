import type { LeaseList } from '../../transport/transport.js';
import type { Link } from '../link/link.js';
import type { Identity } from './identity.js';
import type { OwnIds } from './own-ids.js';
import type { OwnLease } from './own-lease.js';
import type { Announcement, OwnRecord } from './own-record.js';

/** A lapsed lease is noticed so long after. */
const LAPSE_MARGIN_MS = 20;

export interface LeaseRenewalsOptions {
  readonly link: Pick<Link, 'status'>;
  readonly identity: Identity;
  readonly lease: OwnLease;
  readonly own: OwnRecord;
  readonly ids: OwnIds;
  readonly renewEveryMs: number;
  /** Counts the changes of the membership. */
  readonly time: () => number;
  /** A list of leases came with a renewal that was asked for at that time. */
  readonly onList: (list: LeaseList, time: number) => void;
  /** Redis does not keep the lease, although the link is there. */
  readonly onFailed: () => void;
  /** Never rejects. */
  readonly announce: (announcement: Announcement) => Promise<void>;
}

/**
 * Renews this instance's lease in time, and whenever its content changes. One renewal runs at a
 * time.
 */
export class LeaseRenewals {
  readonly #options: LeaseRenewalsOptions;
  #saidAlive = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(options: LeaseRenewalsOptions) {
    this.#options = options;
  }

  /** Whether the others were notified that this instance lives without a lease. */
  get saidAlive(): boolean {
    return this.#saidAlive;
  }

  /**
   * Renews now. Resolves when the others can know the content of the lease; at once while Redis is
   * away. Never rejects.
   */
  refresh(): Promise<void> {
    if (this.#closed || this.#options.link.status !== 'ready') return Promise.resolve();
    if (this.#running) {
      // A renewal that is in flight may have left without the change.
      return (this.#next ??= this.#running.then(() => {
        this.#next = undefined;
        return this.refresh();
      }));
    }
    this.#running = this.#renew().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Resolves when the others can know all changes so far. */
  settled(): Promise<void> {
    return this.#next ?? this.#running ?? Promise.resolve();
  }

  /** The link is lost: nothing is renewed until {@link refresh} is called with a link. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Resolves when no renewal runs any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
    clearTimeout(this.#timer);
  }

  async #renew(): Promise<void> {
    const { lease, link, identity, own, ids, renewEveryMs, time, onList, announce } = this.#options;
    clearTimeout(this.#timer);
    let soonest = renewEveryMs;
    try {
      ids.retire();
      const askedAt = time();
      let value = '';
      const { list, isNew } = await lease.keep(
        () => identity.current,
        () => (value = own.value()),
      );
      onList(list, askedAt);
      // A lease that is about to lapse is looked after when that is due.
      for (const { remainingMs } of list.leases)
        soonest = Math.min(soonest, remainingMs + LAPSE_MARGIN_MS);
      if (isNew || own.isNews) await announce({ value });
    } catch (error) {
      // Without a link, that is logged already.
      if (link.status === 'ready') await this.#renewFailed(error as Error);
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.refresh(), soonest);
  }

  /** The others cannot see a lease: they hear that this instance lives. */
  async #renewFailed(error: Error): Promise<void> {
    const { lease, own, onFailed, announce } = this.#options;
    lease.failed(error);
    onFailed();
    this.#saidAlive = true;
    await announce({ alive: own.value() });
  }
}
