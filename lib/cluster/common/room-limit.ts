import { LimitExceededError } from '../../errors/limit-exceeded.error.js';
import { assertName } from './names.js';

/** A member, as far as it is needed to say which rooms it may join. */
interface Joining {
  readonly rooms: ReadonlySet<string>;
  /** How many rooms it may be in; `Infinity` for any number. */
  readonly maxRooms: number;
}

type Names = readonly (string | readonly string[])[];

/**
 * The rooms that were given to a `join`, each once. A list that holds more names than the limit is
 * refused before any of them is looked at: it may come from a client, with a hundred thousand of
 * them.
 *
 * @throws LimitExceededError; TypeError as `namesOf`
 */
export function roomsToJoin(member: Joining, given: Names): string[] {
  const rooms = new Set<string>();
  for (const one of given) {
    for (const room of Array.isArray(one) ? (one as readonly string[]) : [one as string]) {
      rooms.add(room);
      if (rooms.size > member.maxRooms) throw exceeded(member, lengthOf(given));
    }
  }
  for (const room of rooms) assertName('room', room);
  return [...rooms];
}

/**
 * @param rooms each once
 * @throws LimitExceededError if the member would be in too many rooms; one that it is in already
 * costs nothing
 */
export function assertMayJoin(member: Joining, rooms: readonly string[]): void {
  const { maxRooms } = member;
  let total = member.rooms.size;
  // Below the limit whatever the names are: the common case.
  if (total + rooms.length <= maxRooms) return;
  for (const room of rooms) if (!member.rooms.has(room)) total++;
  if (total > maxRooms) throw exceeded(member, rooms.length);
}

function exceeded({ rooms, maxRooms }: Joining, asked: number): LimitExceededError {
  return new LimitExceededError({ limit: 'rooms', max: maxRooms, current: rooms.size, asked });
}

function lengthOf(given: Names): number {
  return given.reduce((sum, one) => sum + (Array.isArray(one) ? one.length : 1), 0);
}
