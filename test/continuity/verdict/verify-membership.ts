import type { AcceptedRoom } from './accepted.js';
import { explainsLoss, type RoomFacts } from './explains-loss.js';
import type { Membership } from './membership.js';
import type { Violation, ViolationKind } from './violation.js';

/** Enough to see what went wrong; the rest mostly follows from it. */
const MAX_VIOLATIONS = 3;

/**
 * Compares what a member got with what Redis accepted: from its joining to its end all of it, once, in order, but for the spans
 * for which a loss was said, and each of those must have an explanation.
 *
 * @param deliveredBefore the last place that members of the same instance had been delivered when this one asked to join; -1
 * for none
 */
export function verifyMembership(
  membership: Membership,
  facts: RoomFacts,
  deliveredBefore = -1,
): Violation[] {
  const walk = new Walk(membership, facts, deliveredBefore);
  for (const one of membership.received) {
    if (one.kind === 'lost') walk.lose(one);
    else walk.receive(one.uid);
    if (walk.violations.length >= MAX_VIOLATIONS) return walk.violations;
  }
  walk.end();
  return walk.violations;
}

/** Where a member may stand: a message that was appended twice leaves more than one possibility. */
interface Standing {
  /** Of the last entry that it got or need not get. */
  readonly place: number;
  /** Entries up to here may have come before it joined. */
  readonly optionalTo: number;
  readonly lost: boolean;
}

class Walk {
  readonly violations: Violation[] = [];
  readonly #membership: Membership;
  readonly #facts: RoomFacts;
  readonly #got = new Set<string>();
  #standings: Standing[];
  #lastReason = '';

  constructor(membership: Membership, facts: RoomFacts, deliveredBefore: number) {
    this.#membership = membership;
    this.#facts = facts;
    const optionalTo = firstOwed(membership, facts.accepted) - 1;
    this.#standings = [{ place: deliveredBefore, optionalTo, lost: false }];
  }

  lose({ reason, at }: { readonly reason: string; readonly at: number }): void {
    const { boundFrom = Infinity } = this.#membership;
    // It owes nothing from before it was bound, and says so.
    if (reason === 'joined-offline' && at <= boundFrom) return;
    this.#lastReason = reason;
    this.#standings = this.#standings.map((standing) => ({ ...standing, lost: true }));
  }

  receive(uid: string): void {
    const places = this.#facts.accepted.placesOf(uid);
    const next = this.#standings.flatMap((standing) =>
      places
        .filter((place) => this.#mayCome(standing, place))
        .map((place) => ({ place, optionalTo: -1, lost: false })),
    );
    if (next.length > 0) {
      this.#standings = next;
    } else {
      this.#refuse(uid, places);
    }
    this.#got.add(uid);
  }

  end(): void {
    const { entries } = this.#facts.accepted;
    const { stayed } = this.#membership;
    const fine = this.#standings.some((standing) => {
      if (standing.lost) return this.#explained(standing.place, entries.length);
      return !stayed || this.#missed(standing, entries.length).length === 0;
    });
    if (fine) return;
    const [standing] = this.#standings;
    if (standing!.lost) return this.#report('unjustified-lost', this.#lostDetail(entries.length));
    this.#report('gap', `it ended ${this.#spanDetail(standing!, entries.length)}`);
  }

  #mayCome(standing: Standing, place: number): boolean {
    if (place <= standing.place) return standing.lost && this.#comesBack(standing.place, place);
    return standing.lost
      ? this.#explained(standing.place, place)
      : this.#missed(standing, place).length === 0;
  }

  /** Whoever is told of an epoch gets all of it, also if it is one that had ended and came back. */
  #comesBack(stood: number, place: number): boolean {
    const { returns } = this.#facts.accepted;
    return returns.some(
      ({ at, from }) =>
        stood < at &&
        place >= from &&
        this.#missed({ place: from - 1, optionalTo: -1, lost: false }, place).length === 0,
    );
  }

  #explained(place: number, next: number): boolean {
    return explainsLoss(this.#facts, place, next);
  }

  /** The uids that it should have got after where it stands and before that place. */
  #missed({ place, optionalTo }: Standing, next: number): string[] {
    return this.#facts.accepted.entries
      .slice(Math.max(place, optionalTo) + 1, next)
      .filter(({ forfeited }) => !forfeited)
      .map(({ message }) => message.uid);
  }

  /** Reports what is wrong with it, and goes on from there. */
  #refuse(uid: string, places: readonly number[]): void {
    if (places.length === 0) return this.#report('phantom', `${uid} was never accepted`);
    const standing = this.#standings[0]!;
    const ahead = places.find((place) => place > standing.place);
    if (ahead === undefined) {
      const kind = this.#got.has(uid) ? 'double' : this.#got.size === 0 ? 'stale' : 'reorder';
      return this.#report(
        kind,
        `${uid} (place ${places.join(', ')}) after place ${standing.place}`,
      );
    }
    if (standing.lost) this.#report('unjustified-lost', this.#lostDetail(ahead));
    else this.#report('gap', `${uid} came ${this.#spanDetail(standing, ahead)}`);
    this.#standings = [{ place: ahead, optionalTo: -1, lost: false }];
  }

  #spanDetail(standing: Standing, next: number): string {
    const missed = this.#missed(standing, next);
    const shown = missed.length > 4 ? [...missed.slice(0, 3), '…', missed.at(-1)] : missed;
    const { boundFrom = Number.NaN } = this.#membership;
    const [first] = this.#facts.accepted.placesOf(missed[0]!);
    const sentAt = this.#facts.accepted.entries[first!]!.message.sentAt;
    return (
      `without ${missed.length} before it: ${shown.join(', ')} (places ${standing.place} to ${next}; ` +
      `the first was sent ${sentAt - boundFrom} ms after it was bound to come)`
    );
  }

  #lostDetail(next: number): string {
    return `"${this.#lastReason}" between places ${this.#standings[0]!.place} and ${next}`;
  }

  #report(kind: ViolationKind, detail: string): void {
    const { room, member } = this.#membership;
    this.violations.push({ kind, room, who: member, detail });
  }
}

/** The place of the first entry that was sent when the member was surely in the room. */
function firstOwed({ boundFrom }: Membership, { entries }: AcceptedRoom): number {
  if (boundFrom === undefined) return entries.length;
  const place = entries.findIndex(
    ({ message, forfeited }) => !forfeited && message.sentAt > boundFrom,
  );
  return place < 0 ? entries.length : place;
}
