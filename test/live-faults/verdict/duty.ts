import type { LiveTarget } from '../plan/targets.js';
import type { Sent, Stay, Visit } from './records.js';

/** Processes and sockets take some time: who joined so soon after a message may get it. */
export const MARGIN_MS = 100;

/** A time in which a visitor is certainly meant by a target, and one in which it may be. */
interface Membership {
  readonly askedAt: number;
  readonly boundFrom: number;
  readonly leavingAt: number;
  readonly leftAt: number;
}

/** Whom a visitor is to a target. */
export class Duty {
  readonly #memberships: readonly Membership[];
  readonly #exceptions: readonly Membership[];

  constructor(visit: Visit, target: LiveTarget) {
    this.#memberships = membershipsOf(visit, target);
    this.#exceptions = visit.stays
      .filter(({ room }) => target.exceptRooms.includes(room))
      .map((stay) => ofStay(stay, visit));
  }

  /** Whether the target can never mean it. */
  get isNone(): boolean {
    return this.#memberships.length === 0;
  }

  /**
   * Whether the visitor must get the message, as it was a member when it was sent, and still is at
   * that time.
   * @param delayMs for how long nobody can tell how old it is
   */
  owes({ sentAt }: Sent, until: number, delayMs: number): boolean {
    const isMember = this.#memberships.some(
      ({ boundFrom, leavingAt }) =>
        boundFrom < sentAt && (leavingAt === Infinity || leavingAt > until),
    );
    if (!isMember) return false;
    const from = sentAt - 2 * MARGIN_MS;
    const to = sentAt + 2 * MARGIN_MS + delayMs;
    return !this.#exceptions.some(({ askedAt, leftAt }) => askedAt < to && leftAt > from);
  }

  /** Why the visitor must not have got the message at that time; undefined if it may. */
  forbids({ sentAt }: Sent, at: number, delayMs: number): 'stale' | 'misdirected' | undefined {
    const there = this.#memberships.filter(({ askedAt, leftAt }) => askedAt <= at && leftAt >= at);
    if (there.length === 0) return 'misdirected';
    const wasMember = ({ askedAt, leftAt }: Membership): boolean =>
      sentAt >= askedAt - MARGIN_MS - delayMs && sentAt <= leftAt;
    if (!there.some(wasMember) && !this.#memberships.some(wasMember)) return 'stale';
    const isExcepted = this.#exceptions.some(
      ({ boundFrom, leavingAt }) =>
        boundFrom < sentAt - 2 * MARGIN_MS && leavingAt > sentAt + 2 * MARGIN_MS + delayMs,
    );
    return isExcepted ? 'misdirected' : undefined;
  }
}

function membershipsOf(visit: Visit, target: LiveTarget): Membership[] {
  const { everyone, users, connections, rooms } = target;
  const matches =
    everyone ||
    users.includes(visit.user) ||
    (visit.id !== undefined && connections.includes(visit.id));
  const stays = visit.stays.filter(({ room }) => rooms.includes(room));
  const memberships = stays.map((stay) => ofStay(stay, visit));
  if (matches) memberships.push(ofVisit(visit));
  return memberships;
}

function ofVisit({ askedAt, boundFrom = Infinity, leavingAt = Infinity }: Visit): Membership {
  return { askedAt, boundFrom, leavingAt, leftAt: Infinity };
}

function ofStay(stay: Stay, visit: Visit): Membership {
  const { askedAt, boundFrom = Infinity, leftAskedAt = Infinity, leftAt = Infinity } = stay;
  const leavingAt = Math.min(leftAskedAt, visit.leavingAt ?? Infinity);
  return { askedAt, boundFrom, leavingAt, leftAt };
}
