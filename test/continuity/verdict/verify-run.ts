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
  /** The uids of what was emitted by instances that lived to the end, */
  readonly emitted: readonly string[];
  /** The uids of publishes that Redis refused at their first try, and that were given up. */
  readonly refused?: readonly string[];
  /** Nothing was done that could keep a message from its log. */
  readonly refusesNothing?: boolean;
  /** of which so many were counted as not having left. */
  readonly unsent: number;
  /** How many entries a room's log keeps. */
  readonly sizeOf: (room: string) => number;
}

/** All that was wrong in a run. */
export function verifyRun(run: Run): Violation[] {
  const { memberships, acknowledgements, sizeOf } = run;
  const accepted = acceptedOf(run.chapters);
  const members = groupBy(memberships, ({ room }) => room);
  const told = groupBy(acknowledgements, ({ room }) => room);
  const rooms = new Set([...accepted.keys(), ...members.keys(), ...told.keys()]);
  const violations = [...rooms].flatMap((room) => {
    const facts = { accepted: acceptedIn(accepted, room), size: sizeOf(room) };
    const inRoom = members.get(room) ?? [];
    return [
      ...verifyLog(room, facts.accepted, told.get(room) ?? []),
      ...inRoom.flatMap((one) =>
        verifyMembership(one, facts, deliveredBefore(one, inRoom, facts.accepted)),
      ),
    ];
  });
  return [...violations, ...vanished(run, accepted), ...refusedInVain(run, accepted)];
}

function vanished(
  { emitted, unsent }: Run,
  accepted: ReadonlyMap<string, AcceptedRoom>,
): Violation[] {
  const rooms = [...accepted.values()];
  const missing = emitted.filter((uid) => !rooms.some((room) => room.placesOf(uid).length > 0));
  if (missing.length <= unsent) return [];
  const detail = `${missing.length} are in no log and ${unsent} were counted: ${missing.slice(0, 5).join(', ')}`;
  return [{ kind: 'emit-vanished', room: '', who: 'the writers', detail }];
}

/** What was refused has left nothing; and where there was no reason, nothing was. */
function refusedInVain(
  { refused = [], refusesNothing, unsent }: Run,
  accepted: ReadonlyMap<string, AcceptedRoom>,
): Violation[] {
  const rooms = [...accepted];
  const taken = refused.flatMap((uid): Violation[] => {
    const [room] = rooms.find(([, accepted]) => accepted.placesOf(uid).length > 0) ?? [];
    if (room === undefined) return [];
    return [{ kind: 'refused-yet-taken', room, who: 'the writers', detail: uid }];
  });
  if (!refusesNothing || unsent + refused.length === 0) return taken;
  const detail = `${unsent} emits and ${refused.length} publishes`;
  return [...taken, { kind: 'refused-in-vain', room: '', who: 'the writers', detail }];
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
