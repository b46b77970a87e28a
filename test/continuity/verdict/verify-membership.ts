import type { AcceptedRoom } from './accepted.js';
import { explainsLoss, type RoomFacts } from './explains-loss.js';
import type { Membership } from './membership.js';
import type { Message } from './recording.js';
import type { Violation, ViolationKind } from './violation.js';

/** Enough to see what went wrong; the rest mostly follows from it. */
const MAX_VIOLATIONS = 3;

/**
 * Compares what a member got with what Redis accepted: from its joining to its end all of it, once,
 * in order, but for the spans for which a loss was said, and each of those must have an
 * explanation.
 *
 * @param deliveredBefore the last place that members of the same instance had been delivered when
 * this one asked to join; -1 for none
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
  /** It was told of one, and has got nothing since. */
  readonly loss: ToldLoss | undefined;
}

interface ToldLoss {
  /** What was sent later is owed all the same. */
  readonly at: number;
  /** It joined while its instance was cut off: nobody knows what came until it was told. */
  readonly joinedOffline: boolean;
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
    this.#standings = [{ place: deliveredBefore, optionalTo, loss: undefined }];
  }

  lose({ reason, at }: { readonly reason: string; readonly at: number }): void {
    const { boundFrom = Infinity, joinedOffline } = this.#membership;
    const isOffline = reason === 'joined-offline';
    // Said of those who were there before it.
    if (isOffline && !joinedOffline && at <= boundFrom) return;
    this.#lastReason = reason;
    const isOwn = isOffline && joinedOffline && this.#got.size === 0;
    this.#standings = this.#standings.map(({ loss, ...standing }) => ({
      ...standing,
      loss: { at, joinedOffline: isOwn || loss?.joinedOffline === true },
    }));
  }

  receive(uid: string): void {
    const places = this.#facts.accepted.placesOf(uid);
    const next = this.#standings.flatMap((standing) =>
      places
        .filter((place) => this.#mayCome(standing, place))
        .map((place) => ({ place, optionalTo: -1, loss: undefined })),
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
      const { loss } = standing;
      if (!loss) return !stayed || this.#missed(standing, entries.length).length === 0;
      const told = stayed ? loss : { ...loss, at: Infinity };
      return this.#explained({ ...standing, loss: told }, entries.length);
    });
    if (fine) return;
    const [standing] = this.#standings;
    if (standing!.loss) return this.#report('unjustified-lost', this.#lostDetail(entries.length));
    this.#report('gap', `it ended ${this.#spanDetail(standing!, entries.length)}`);
  }

  #mayCome(standing: Standing, place: number): boolean {
    if (place <= standing.place)
      return standing.loss !== undefined && this.#comesBack(standing.place, place);
    return standing.loss
      ? this.#explained(standing, place)
      : this.#missed(standing, place).length === 0;
  }

  /** Whoever is told of an epoch gets all of it, also if it is one that had ended and came back. */
  #comesBack(stood: number, place: number): boolean {
    const { returns } = this.#facts.accepted;
    return returns.some(
      ({ at, from }) =>
        stood < at &&
        place >= from &&
        this.#missed({ place: from - 1, optionalTo: -1, loss: undefined }, place).length === 0,
    );
  }

  /**
   * Where a log stands was asked before a loss was said: it says nothing of what was sent later.
   */
  #explained(standing: Standing, next: number): boolean {
    const { at, joinedOffline } = standing.loss!;
    if (this.#missed(standing, next).some(({ sentAt }) => sentAt > at)) return false;
    return joinedOffline || explainsLoss(this.#facts, standing.place, next);
  }

  /** What it should have got after where it stands and before that place. */
  #missed({ place, optionalTo }: Standing, next: number): Message[] {
    return this.#facts.accepted.entries
      .slice(Math.max(place, optionalTo) + 1, next)
      .filter(({ forfeited }) => !forfeited)
      .map(({ message }) => message);
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
    if (standing.loss) this.#report('unjustified-lost', this.#lostDetail(ahead));
    else this.#report('gap', `${uid} came ${this.#spanDetail(standing, ahead)}`);
    this.#standings = [{ place: ahead, optionalTo: -1, loss: undefined }];
  }

  #spanDetail(standing: Standing, next: number): string {
    const missed = this.#missed(standing, next);
    const uids = missed.map(({ uid }) => uid);
    const shown = uids.length > 4 ? [...uids.slice(0, 3), '…', uids.at(-1)] : uids;
    const { boundFrom = Number.NaN } = this.#membership;
    const { sentAt } = missed[0]!;
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
