import type { Chapter, Message, Recorded } from './recording.js';

/** A message that Redis has taken into a room's log. */
export interface AcceptedEntry {
  readonly offset: number;
  readonly message: Message;
  /** The replica that was promoted did not have it: nobody can be given it any more. */
  readonly forfeited: boolean;
}

/**
 * All that Redis ever accepted in one room, in one order, over all epochs and failovers. Places are indices into `entries`;
 * what happened between two entries has the place of the later one.
 */
export interface AcceptedRoom {
  readonly entries: readonly AcceptedEntry[];
  /** Where the numbering began anew, for a reason: Redis was emptied, or the meta deleted. */
  readonly restarts: readonly number[];
  /** Where the stream was deleted. */
  readonly evictions: readonly number[];
  /** Where the numbering does not go on, for no reason: the log itself is broken. */
  readonly holes: readonly number[];
  /** Where a message is: more than one place if it was appended again. */
  placesOf(uid: string): readonly number[];
}

export function acceptedOf(chapters: readonly Chapter[]): Map<string, AcceptedRoom> {
  const rooms = new Map<string, Draft>();
  for (const { begins, recorded } of chapters) {
    if (begins === 'empty') for (const room of rooms.values()) room.restart();
    const own = begins === 'promoted' ? branchOff(rooms, recorded) : recorded;
    for (const one of own) draftOf(rooms, one.room).take(one);
  }
  return rooms;
}

/** What was accepted in that room; nothing where nobody wrote to it. */
export function acceptedIn(rooms: ReadonlyMap<string, AcceptedRoom>, room: string): AcceptedRoom {
  return rooms.get(room) ?? new Draft();
}

/** Marks what the promoted replica does not have; returns what it did by itself. */
function branchOff(rooms: Map<string, Draft>, recorded: readonly Recorded[]): readonly Recorded[] {
  const copied = new Map<Draft, number>();
  let ownFrom = 0;
  for (const [index, one] of recorded.entries()) {
    const room = rooms.get(one.room);
    const place = one.kind === 'append' ? room?.placeOf(one.fingerprint) : undefined;
    if (place === undefined) continue;
    copied.set(room!, place);
    ownFrom = index + 1;
  }
  for (const room of rooms.values()) room.branchOffBehind(copied.get(room) ?? -1);
  return recorded.slice(ownFrom);
}

function draftOf(rooms: Map<string, Draft>, name: string): Draft {
  let room = rooms.get(name);
  if (!room) rooms.set(name, (room = new Draft()));
  return room;
}

class Draft implements AcceptedRoom {
  readonly entries: { offset: number; message: Message; forfeited: boolean }[] = [];
  readonly restarts: number[] = [];
  readonly evictions: number[] = [];
  readonly holes: number[] = [];
  readonly #places = new Map<string, number[]>();
  readonly #byFingerprint = new Map<string, number>();
  #lastOffset = 0;

  placesOf(uid: string): readonly number[] {
    return this.#places.get(uid) ?? [];
  }

  placeOf(fingerprint: string): number | undefined {
    return this.#byFingerprint.get(fingerprint);
  }

  restart(): void {
    this.restarts.push(this.entries.length);
    this.#lastOffset = 0;
  }

  branchOffBehind(place: number): void {
    for (const entry of this.entries.slice(place + 1)) entry.forfeited = true;
    this.#lastOffset = this.entries[place]?.offset ?? 0;
  }

  take(one: Recorded): void {
    if (one.kind === 'meta-deleted') return this.restart();
    const place = this.entries.length;
    if (one.kind === 'stream-deleted') {
      this.evictions.push(place);
      return;
    }
    const { offset, message, fingerprint } = one;
    if (offset !== this.#lastOffset + 1) this.holes.push(place);
    this.#lastOffset = offset;
    this.entries.push({ offset, message, forfeited: false });
    this.#byFingerprint.set(fingerprint, place);
    const places = this.#places.get(message.uid);
    if (places) places.push(place);
    else this.#places.set(message.uid, [place]);
  }
}
