import { acceptedIn, acceptedOf, type AcceptedRoom } from './accepted.js';
import { groupBy } from './group-by.js';
import type { Membership } from './membership.js';
import type { Chapter } from './recording.js';
import { type Acknowledgement, verifyLog } from './verify-log.js';
import { verifyMembership } from './verify-membership.js';
import type { Violation } from './violation.js';

export interface Run {
  readonly chapters: readonly Chapter[];
  readonly memberships: readonly Membership[];
  readonly acknowledgements: readonly Acknowledgement[];
  /** How many entries a room's log keeps. */
  readonly sizeOf: (room: string) => number;
}

/** All that was wrong in a run. */
export function verifyRun({ chapters, memberships, acknowledgements, sizeOf }: Run): Violation[] {
  const accepted = acceptedOf(chapters);
  const members = groupBy(memberships, ({ room }) => room);
  const told = groupBy(acknowledgements, ({ room }) => room);
  const rooms = new Set([...accepted.keys(), ...members.keys(), ...told.keys()]);
  return [...rooms].flatMap((room) => {
    const facts = { accepted: acceptedIn(accepted, room), size: sizeOf(room) };
    const inRoom = members.get(room) ?? [];
    return [
      ...verifyLog(room, facts.accepted, told.get(room) ?? []),
      ...inRoom.flatMap((one) =>
        verifyMembership(one, facts, deliveredBefore(one, inRoom, facts.accepted)),
      ),
    ];
  });
}

/** The last place that others on the member's instance had got before it asked to join. */
function deliveredBefore(
  { instance, askedAt }: Membership,
  inRoom: readonly Membership[],
  accepted: AcceptedRoom,
): number {
  let last = -1;
  for (const other of inRoom) {
    if (other.instance !== instance) continue;
    for (const one of other.received) {
      if (one.at >= askedAt) break;
      // Of a message that was appended again, the first place is the one that is certain.
      if (one.kind === 'message') last = Math.max(last, accepted.placesOf(one.uid)[0] ?? -1);
    }
  }
  return last;
}
