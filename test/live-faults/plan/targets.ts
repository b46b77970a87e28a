/** Whom a message is for. */
export interface LiveTarget {
  readonly everyone: boolean;
  readonly rooms: readonly string[];
  readonly users: readonly string[];
  readonly connections: readonly string[];
  readonly exceptRooms: readonly string[];
}

const NOBODY: LiveTarget = {
  everyone: false,
  rooms: [],
  users: [],
  connections: [],
  exceptRooms: [],
};

/** Those in it are left out by some messages. */
export const MUTED = 'muted';

/** The room of one reader, from which it is disconnected. */
export function ownRoom(reader: number): string {
  return `own ${reader}`;
}

/**
 * What the name of a target means: `all`, `room:a`, `except:a` (without those in {@link MUTED}),
 * `rooms:a,b`, `user:u`, or `connections:x,y`.
 */
export function targetNamed(name: string): LiveTarget {
  if (name === 'all') return { ...NOBODY, everyone: true };
  const at = name.indexOf(':');
  const rest = name.slice(at + 1);
  switch (name.slice(0, at)) {
    case 'room':
      return { ...NOBODY, rooms: [rest] };
    case 'except':
      return { ...NOBODY, rooms: [rest], exceptRooms: [MUTED] };
    case 'rooms':
      return { ...NOBODY, rooms: rest.split(',') };
    case 'user':
      return { ...NOBODY, users: [rest] };
    case 'connections':
      return { ...NOBODY, connections: rest.split(',') };
    default:
      throw new Error(`There is no target "${name}".`);
  }
}
