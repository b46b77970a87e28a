import { EVERYONE, type Target, type TargetList } from '../../hub/target.js';

const EVERYONE_TAG = 0;
const TAGS: Readonly<Record<TargetList, number>> = {
  rooms: 1,
  users: 2,
  connections: 3,
  exceptRooms: 4,
  exceptConnections: 5,
  exceptUsers: 6,
};
const LISTS = Object.keys(TAGS) as readonly TargetList[];
const LIST_OF_TAG = new Map(LISTS.map((list) => [TAGS[list], list]));

/** A tag and a length before each name. */
const ENTRY_HEAD_BYTES = 3;

/** A target as bytes: entries of tag (1), length (2), name (UTF-8). */
export function encodeTarget(target: Target): Buffer {
  let length = target.everyone ? ENTRY_HEAD_BYTES : 0;
  for (const list of LISTS)
    for (const name of target[list]) length += ENTRY_HEAD_BYTES + Buffer.byteLength(name, 'utf8');
  const bytes = Buffer.allocUnsafe(length);
  let at = target.everyone ? writeEntry(bytes, 0, EVERYONE_TAG, '') : 0;
  for (const list of LISTS)
    for (const name of target[list]) at = writeEntry(bytes, at, TAGS[list], name);
  return bytes;
}

/** Undefined for bytes that are no target. Reads nothing outside them. */
export function decodeTarget(bytes: Buffer): Target | undefined {
  const lists: Record<TargetList, string[]> = {
    rooms: [],
    users: [],
    connections: [],
    exceptRooms: [],
    exceptUsers: [],
    exceptConnections: [],
  };
  let everyone = false;
  let at = 0;
  while (at < bytes.length) {
    if (at + ENTRY_HEAD_BYTES > bytes.length) return undefined;
    const tag = bytes[at]!;
    const end = at + ENTRY_HEAD_BYTES + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) return undefined;
    const list = LIST_OF_TAG.get(tag);
    if (list) lists[list].push(bytes.toString('utf8', at + ENTRY_HEAD_BYTES, end));
    else if (tag === EVERYONE_TAG) everyone = true;
    else return undefined;
    at = end;
  }
  return { ...EVERYONE, ...lists, everyone };
}

/** Answers with where the next entry begins. */
function writeEntry(bytes: Buffer, at: number, tag: number, name: string): number {
  const length = name === '' ? 0 : bytes.write(name, at + ENTRY_HEAD_BYTES, 'utf8');
  bytes[at] = tag;
  bytes.writeUInt16BE(length, at + 1);
  return at + ENTRY_HEAD_BYTES + length;
}
