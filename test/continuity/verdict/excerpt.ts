import { acceptedIn, acceptedOf, type AcceptedRoom } from './accepted.js';
import type { Membership } from './membership.js';
import type { Run } from './verify-run.js';
import type { Violation } from './violation.js';

const MOST_ITEMS = 30;

/**
 * What a violation's room took, and what its member got, for whoever looks for the reason. Times
 * are ms from the first.
 */
export function excerptOf(run: Run, { room, who }: Violation): string[] {
  const accepted = acceptedIn(acceptedOf(run.chapters), room);
  const stays = run.memberships.filter((one) => one.room === room && one.member === who);
  const from = Math.min(...stays.map(({ askedAt }) => askedAt));
  if (!Number.isFinite(from)) return [];
  return [
    `accepted, sent from then on: ${entriesSince(accepted, from).slice(0, MOST_ITEMS).join(' ')}`,
    `new epochs at places ${accepted.restarts.join(', ') || 'none'}, streams deleted at ${accepted.evictions.join(', ') || 'none'}`,
    ...stays.map((stay) => stayLine(stay, from)),
  ];
}

function entriesSince({ entries }: AcceptedRoom, from: number): string[] {
  return entries.flatMap(({ message: { uid, sentAt }, offset, forfeited }, place) =>
    sentAt < from ? [] : [`${place}:${uid}#${offset}${forfeited ? '-' : ''}@${sentAt - from}`],
  );
}

function stayLine(
  { instance, askedAt, boundFrom, joinedOffline, received, stayed }: Membership,
  from: number,
): string {
  const items = received
    .slice(0, MOST_ITEMS)
    .map((one) => `${one.kind === 'message' ? one.uid : `LOST(${one.reason})`}@${one.at - from}`);
  const bound = boundFrom === undefined ? 'never' : `@${boundFrom - from}`;
  return `on ${instance}, asked @${askedAt - from}${joinedOffline ? ' offline' : ''}, bound ${bound}, ${stayed ? 'stayed' : 'left'}: ${items.join(' ')}`;
}
