import type { AcceptedRoom } from './accepted.js';

export interface RoomFacts {
  readonly accepted: AcceptedRoom;
  /** How many entries the log keeps. */
  readonly size: number;
}

/**
 * Whether something happened that an instance cannot repair, so that it had to say that what lies
 * between these places may be lost: what a member got last, and what it got next.
 */
export function explainsLoss({ accepted, size }: RoomFacts, place: number, next: number): boolean {
  const { entries, restarts, evictions } = accepted;
  if (restarts.some((at) => at > place && at <= next)) return true;
  // It may stand on an entry itself that the promoted replica never had.
  if (entries.slice(Math.max(0, place), next).some(({ forfeited }) => forfeited)) return true;
  const firstMissed = place + 1;
  if (next - firstMissed > size) return true;
  return next > firstMissed && evictions.some((at) => at > firstMissed && at <= next);
}
