import { randomUUID } from 'node:crypto';
import { talkOf } from '../../chat/rooms.js';

/** A client of the smoke run: where it landed and what it belongs to. */
export interface Member {
  /** Which worker serves it, from 0. */
  worker: number;
  /** Each worker has as many clients as there are seats, from 0. */
  seat: number;
  connectionId: string;
  user: string;
  rooms: readonly string[];
}

export const SEATS = 2;
export const USERS = 3;

export const RED = 'red';
export const BLUE = 'blue';
/** A room is a room, whatever characters its name has. */
export const ODD = '{a}:* #🚀';
/** It has a history, in which an earlier run must have left nothing. */
export const KEPT = talkOf(randomUUID());

/** Rooms that every worker has somebody in, that overlap, and that leave somebody out. */
export function roomsOf(worker: number, seat: number): string[] {
  const rooms = seat === 0 ? [RED] : [ODD];
  if ((worker + seat) % 2 === 0) rooms.push(BLUE);
  if (seat === 0) rooms.push(KEPT);
  return rooms;
}

export function at(cast: readonly Member[], worker: number, seat: number): Member {
  const member = cast.find((each) => each.worker === worker && each.seat === seat);
  if (!member) throw new RangeError(`Nobody has seat ${seat} at worker ${worker}`);
  return member;
}
