/**
 * What people call a room is two rooms here: a talk, which has a history, and its hints (who comes,
 * who types), which are gone when they are not heard.
 */
const TALK = 'talk:';
const HINTS = 'hints:';

/** What rooms with a history are named like, for the option `history`. */
export const ALL_TALKS = `${TALK}*`;

export function talkOf(room: string): string {
  return TALK + room;
}

export function hintsOf(room: string): string {
  return HINTS + room;
}

export function roomOf(talk: string): string {
  return talk.slice(TALK.length);
}

/** The rooms, as people call them, that a client is in. */
export function roomsOf(client: { readonly rooms: ReadonlySet<string> }): string[] {
  return [...client.rooms].filter((room) => room.startsWith(TALK)).map(roomOf);
}
