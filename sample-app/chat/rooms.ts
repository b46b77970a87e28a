/**
 * A room of the chat is two rooms of the backplane: a talk, which has a history, and its hints (who
 * joins, who types), which have none.
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
