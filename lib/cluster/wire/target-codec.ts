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
  const entries: Buffer[] = [];
  if (target.everyone) entries.push(entry(EVERYONE_TAG, ''));
  for (const list of LISTS) for (const name of target[list]) entries.push(entry(TAGS[list], name));
  return Buffer.concat(entries);
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

function entry(tag: number, name: string): Buffer {
  const length = Buffer.byteLength(name, 'utf8');
  const bytes = Buffer.allocUnsafe(ENTRY_HEAD_BYTES + length);
  bytes[0] = tag;
  bytes.writeUInt16BE(length, 1);
  bytes.write(name, ENTRY_HEAD_BYTES, 'utf8');
  return bytes;
}
