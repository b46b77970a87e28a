import { BackplaneRefusedError } from '../../errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import { messageOf } from '../../errors/quote.js';
import type { LeaseList, Leases } from '../../transport/transport.js';
import type { BackplaneLogger } from '../common/logger.js';
import type { ThrottledLog } from '../common/throttled-log.js';

export interface OwnLeaseOptions {
  readonly leases: Leases;
  readonly key: string;
  readonly ttlMs: number;
  readonly logger: BackplaneLogger;
  readonly log: ThrottledLog;
  /** The lease lapsed because this process stood still: to the others this instance has died. */
  readonly changeIdentity: () => Promise<void>;
  /** Settles as the call does, within the time that a command may take. */
  readonly inTime: <T>(call: Promise<T>) => Promise<T>;
}

/**
 * Without a renewal for so many times its ttl, nothing is known of the cluster that a number could
 * stand for.
 */
const TTLS_OF_TRUST = 3;

/**
 * This instance's own lease. It is the measure of the list of all leases: where this one could not
 * be kept, the others' may be missing for the same reason, and their absence says nothing.
 */
export class OwnLease {
  readonly #options: OwnLeaseOptions;
  /** When the last renewal that Redis carried out was asked for. */
  #heldAt: number | undefined;
  /** Why the last renewal failed, and when the first in a row did. */
  #trouble: { readonly since: number; readonly error: Error } | undefined;
  #wasLogged = false;
  /** Since the last renewal. */
  #linkWasLost = false;
  /** It was not in a list that Redis answered with. */
  #isMissing = false;
  /** From then on, an instance without a lease is lost. */
  #completeFrom = 0;

  constructor(options: OwnLeaseOptions) {
    this.#options = options;
  }

  /** Since the last renewal; undefined before the first. */
  get ageMs(): number | undefined {
    return this.#heldAt === undefined ? undefined : performance.now() - this.#heldAt;
  }

  /** Whether the last attempt to renew it failed. */
  get isInTrouble(): boolean {
    return this.#trouble !== undefined;
  }

  /** The lists of leases are not believed: what was last known of the other instances stands. */
  get isStale(): boolean {
    return this.#heldAt === undefined || this.isInTrouble || this.#isMissing;
  }

  /**
   * Whether an instance that is not in the list is lost. Not until the leases have been kept again
   * for a full ttl: by then, all that live have renewed theirs.
   */
  get isComplete(): boolean {
    return !this.isStale && performance.now() >= this.#completeFrom;
  }

  /**
   * The reason why there is no number to give; undefined while the known list is recent enough for
   * one.
   */
  get failure(): BackplaneUnavailableError | undefined {
    const { ttlMs } = this.#options;
    if (!this.isStale || (this.ageMs ?? Infinity) <= TTLS_OF_TRUST * ttlMs) return undefined;
    const reason = this.#trouble ? trimmed(this.#trouble.error) : 'its lease is not in Redis';
    const message = `This instance does not know which others there are: ${reason}. Ask again when that is fixed.`;
    return new BackplaneUnavailableError(message, { cause: this.#trouble?.error });
  }

  linkLost(): void {
    this.#linkWasLost = true;
  }

  /** Notes whether the lease with the id is in the list. */
  look(list: LeaseList, id: string): void {
    this.#isMissing = !list.leases.some((lease) => lease.id === id);
  }

  /** The list itself was refused. */
  lookFailed(error: Error): void {
    this.#isMissing = true;
    this.#trouble ??= { since: performance.now(), error };
  }

  /**
   * Renews the lease, or claims it (again), with the id and the value that it is to have.
   * @throws (rejects) as the transport does; to be followed by {@link failed}
   */
  async keep(id: () => string, value: () => string): Promise<{ list: LeaseList; isNew: boolean }> {
    const { leases, key, ttlMs, inTime, changeIdentity } = this.#options;
    let askedAt = performance.now();
    let isGone = false;
    if (this.#heldAt !== undefined) {
      const list = await inTime(leases.renew(key, id(), value(), ttlMs));
      if (list) {
        this.#kept(askedAt, false);
        return { list, isNew: false };
      }
      isGone = this.#isForeignFault(askedAt);
      if (!isGone) await changeIdentity();
    }
    askedAt = performance.now();
    const list = await inTime(leases.claim(key, id(), value(), ttlMs));
    this.#kept(askedAt, isGone);
    return { list, isNew: true };
  }

  /** Redis did not keep it, although the link is there. */
  failed(error: Error): void {
    const isFirst = this.#trouble === undefined;
    this.#trouble = { since: this.#trouble?.since ?? performance.now(), error };
    // No answer at all may be the first sign of a lost link, which says so itself.
    if (isFirst && !(error instanceof BackplaneRefusedError)) return;
    this.#wasLogged = true;
    this.#options.log.warn(
      'lease-not-kept',
      `${trimmed(error)}. Broadcasts go on. The other instances are taken to be as last known, and results that rest on that ` +
        'have "stale: true".',
    );
  }

  /** Not because this process stood still: it asked in time, whenever Redis came to it. */
  #isForeignFault(askedAt: number): boolean {
    const { ttlMs } = this.#options;
    if (this.isInTrouble || this.#linkWasLost) return true;
    if (askedAt - this.#heldAt! >= ttlMs) return false;
    // Redis stood still, and the lease lapsed meanwhile.
    if (this.ageMs! >= ttlMs) return true;
    this.#options.log.warn(
      'lease-lost-by-redis',
      "Redis lost this instance's lease before its time: was it flushed, did it evict keys (maxmemory-policy), or was its " +
        'clock set? The lease is claimed again, and nobody is taken for lost until all can have done so.',
    );
    return true;
  }

  #kept(askedAt: number, wasGone: boolean): void {
    const { ttlMs, logger } = this.#options;
    const now = performance.now();
    // A live instance had renewed its lease not long before this one: within half a ttl, none can
    // have lapsed.
    const gapMs = this.#heldAt === undefined ? Infinity : askedAt - this.#heldAt;
    const wasAway = (this.isInTrouble || this.#linkWasLost) && gapMs > ttlMs / 2;
    if (wasGone || wasAway) this.#completeFrom = now + ttlMs;
    if (this.#trouble && this.#wasLogged) {
      const seconds = ((now - this.#trouble.since) / 1_000).toFixed(1);
      logger.log(`This instance's lease is kept again, after ${seconds} s.`);
    }
    this.#heldAt = askedAt;
    this.#trouble = undefined;
    this.#wasLogged = false;
    this.#linkWasLost = false;
    this.#isMissing = false;
  }
}

/** Without the stop at its end. */
function trimmed(error: Error): string {
  return messageOf(error).replace(/\.$/, '');
}
