import { groupBy } from './group-by.js';
import type { Append, Chapter, Message, Recorded } from './recording.js';

/** A message that Redis has taken into a room's log. */
export interface AcceptedEntry {
  readonly offset: number;
  readonly message: Message;
  /** The replica that was promoted did not have it: nobody can be given it any more. */
  readonly forfeited: boolean;
}

/**
 * All that Redis ever accepted in one room, in one order, over all epochs and failovers. Places are
 * indices into `entries`; what happened between two entries has the place of the later one.
 */
export interface AcceptedRoom {
  readonly entries: readonly AcceptedEntry[];
  /** Where it got a new epoch. */
  readonly restarts: readonly number[];
  /** Where an epoch that had ended came back with a promoted replica, and where it had begun. */
  readonly returns: readonly { readonly at: number; readonly from: number }[];
  /** Where the stream was deleted. */
  readonly evictions: readonly number[];
  /**
   * Where the numbering does not go on, or an epoch begins that nothing explains: the log itself is
   * broken.
   */
  readonly holes: readonly number[];
  /** Where a message is: more than one place if it was appended again. */
  placesOf(uid: string): readonly number[];
}

export function acceptedOf(chapters: readonly Chapter[]): Map<string, AcceptedRoom> {
  const rooms = new Map<string, Draft>();
  for (const { begins, recorded } of chapters) {
    for (const room of rooms.values()) room.mayRestart = true;
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
  const ownFrom =
    1 + recorded.findLastIndex((one) => rooms.get(one.room)?.placeOfCopy(one) !== undefined);
  const copied = groupBy(recorded.slice(0, ownFrom), ({ room }) => room);
  for (const [name, room] of rooms) room.branchOff(copied.get(name) ?? []);
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
  readonly returns: { at: number; from: number }[] = [];
  readonly evictions: number[] = [];
  readonly holes: number[] = [];
  /** Something happened since the last epoch began that explains another. */
  mayRestart = true;
  readonly #places = new Map<string, number[]>();
  readonly #byFingerprint = new Map<string, number>();
  readonly #begins = new Map<string, number>();
  #epoch: string | undefined;
  #lastOffset = 0;

  placesOf(uid: string): readonly number[] {
    return this.#places.get(uid) ?? [];
  }

  placeOfCopy(one: Recorded): number | undefined {
    return one.kind === 'append' ? this.#byFingerprint.get(one.fingerprint) : undefined;
  }

  /** Goes on from what a replica had copied. */
  branchOff(copied: readonly Recorded[]): void {
    const places = copied.flatMap((one) => this.placeOfCopy(one) ?? []);
    const last = places.at(-1) ?? -1;
    for (const entry of this.entries.slice(last + 1)) entry.forfeited = true;
    let [epoch, top] = ['', 0];
    for (const one of copied) {
      if (one.kind === 'append') [epoch, top] = [one.epoch, one.offset];
      if (one.kind !== 'epoch') continue;
      // Its entries need not be there any more.
      top = one.offset ?? (one.epoch === epoch ? top : 0);
      epoch = one.epoch;
    }
    if (epoch !== '') this.#begin(epoch);
    this.#lastOffset = top;
    const meta = copied.findLast(({ kind }) => kind === 'epoch' || kind === 'meta-deleted');
    // Neither: what it was given at first had no meta any more.
    if (meta?.kind !== 'epoch') this.mayRestart = true;
  }

  take(one: Recorded): void {
    switch (one.kind) {
      case 'append':
        return this.#append(one);
      case 'epoch':
        return this.#begin(one.epoch);
      case 'stream-deleted':
        this.evictions.push(this.entries.length);
        return;
      case 'meta-deleted':
        this.mayRestart = true;
    }
  }

  #begin(epoch: string): void {
    if (epoch === this.#epoch) return;
    const place = this.entries.length;
    if (this.#epoch !== undefined) {
      this.restarts.push(place);
      this.#lastOffset = 0;
    }
    if (!this.mayRestart) this.holes.push(place);
    this.mayRestart = false;
    this.#epoch = epoch;
    const from = this.#begins.get(epoch);
    if (from === undefined) this.#begins.set(epoch, place);
    else this.returns.push({ at: place, from });
  }

  #append({ epoch, offset, message, fingerprint }: Append): void {
    this.#begin(epoch);
    const place = this.entries.length;
    if (offset !== this.#lastOffset + 1) this.holes.push(place);
    this.#lastOffset = offset;
    this.entries.push({ offset, message, forfeited: false });
    this.#byFingerprint.set(fingerprint, place);
    const places = this.#places.get(message.uid);
    if (places) places.push(place);
    else this.#places.set(message.uid, [place]);
  }
}
