/** Whom a message is for: plain data, the same on every instance. */
export interface Target {
  /** True while nobody was named: everyone in the hub. */
  readonly everyone: boolean;
  readonly rooms: readonly string[];
  readonly users: readonly string[];
  readonly connections: readonly string[];
  readonly exceptRooms: readonly string[];
  readonly exceptUsers: readonly string[];
  readonly exceptConnections: readonly string[];
}

const NONE: readonly string[] = Object.freeze([]);

export const EVERYONE: Target = Object.freeze({
  everyone: true,
  rooms: NONE,
  users: NONE,
  connections: NONE,
  exceptRooms: NONE,
  exceptUsers: NONE,
  exceptConnections: NONE,
});

/** The lists of names in a target. */
export type TargetList = Exclude<keyof Target, 'everyone'>;

/** The target with more names in one of its lists. To name anybody, even nobody (`[]`), ends `everyone`. */
export function extend(target: Target, list: TargetList, names: readonly string[]): Target {
  const includes = list === 'rooms' || list === 'users' || list === 'connections';
  return {
    ...target,
    everyone: target.everyone && !includes,
    [list]: union(target[list], names),
  };
}

function union(present: readonly string[], more: readonly string[]): readonly string[] {
  if (more.length === 0) return present;
  return [...new Set([...present, ...more])];
}

/** The members of a room, the connections of a user, or, with neither, everyone. */
export function targetOfGroup({
  room,
  user,
}: {
  readonly room?: string | undefined;
  readonly user?: string | undefined;
}): Target {
  if (room !== undefined) return extend(EVERYONE, 'rooms', [room]);
  return user === undefined ? EVERYONE : extend(EVERYONE, 'users', [user]);
}
