import type { Membership, Received } from './membership.js';
import type { Append, Chapter, Recorded } from './recording.js';

export const ROOM = 'r';

let serial = 0;

/**
 * An entry, sent at the time of its number; its epoch is that of the chapter that it is put into.
 */
export function append(uid: number, offset: number, sentAt = uid): Append {
  return {
    kind: 'append',
    room: ROOM,
    epoch: '',
    offset,
    message: { uid: String(uid), room: ROOM, writer: 'w', sequence: uid, verb: 'emit', sentAt },
    fingerprint: String(++serial),
  };
}

/** Entries with those numbers, at offsets from `from` on. */
export function appends(first: number, last: number, from = first): Append[] {
  return Array.from({ length: last - first + 1 }, (_, i) => append(first + i, from + i));
}

/** A new epoch begins with it, and behind each meta that is deleted. */
export function fromEmpty(...recorded: Recorded[]): Chapter {
  return { begins: 'empty', recorded: withEpochs(recorded, `epoch ${++serial}`) };
}

/** Goes on in the epoch of what was copied. */
export function promoted(...recorded: Recorded[]): Chapter {
  return { begins: 'promoted', recorded: withEpochs(recorded, `epoch ${++serial}`) };
}

function withEpochs(recorded: readonly Recorded[], first: string): Recorded[] {
  let epoch = first;
  return recorded.map((one) => {
    if (one.kind === 'meta-deleted') epoch = `epoch ${++serial}`;
    if (one.kind === 'epoch') epoch = one.epoch;
    if (one.kind !== 'append') return one;
    if (one.epoch !== '') epoch = one.epoch;
    return { ...one, epoch };
  });
}

/** After all that is sent in a scene. */
const LAST = 1_000_000;

/**
 * What a member got: numbers of messages, and the reasons of losses, which were told after all was
 * sent.
 */
export function received(...items: (number | string)[]): Received[] {
  return items.map((item, at) =>
    typeof item === 'number'
      ? { kind: 'message', uid: String(item), at }
      : { kind: 'lost', reason: item, at: LAST },
  );
}

/** A member that was in the room from before the first message to the end. */
export function member(...items: (number | string)[]): Membership {
  return {
    member: 'm',
    instance: 'i',
    room: ROOM,
    askedAt: 0,
    boundFrom: 0,
    joinedOffline: false,
    received: received(...items),
    stayed: true,
  };
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
