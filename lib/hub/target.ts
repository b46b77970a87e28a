/** The recipients of a message: plain data, the same on every instance. */
/** The groups that connections are in: a room, those of one user, or a whole hub. */
export type GroupKind = 'room' | 'user' | 'all';

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

/**
 * The target with more names in one of its lists. To name anybody, even nobody (`[]`), ends
 * `everyone`.
 */
export function extend(target: Target, list: TargetList, names: readonly string[]): Target {
  const includes = list === 'rooms' || list === 'users' || list === 'connections';
  return {
    ...target,
    everyone: target.everyone && !includes,
    [list]: union(target[list], names),
  };
}

/** Where the list has more names than this, a call that adds to it does not copy it. */
const COPY_UP_TO = 64;

/** A target, or one that has yet to be put together: see {@link extendLater}. */
export type LateTarget = Target | ExtendedTarget;

/**
 * As {@link extend}. Additions to many names are put together when the target is asked for ({@link
 * targetOf}), so that `n` calls after each other take `n` steps, not the square of that.
 */
export function extendLater(
  target: LateTarget,
  list: TargetList,
  names: readonly string[],
): LateTarget {
  if (target instanceof ExtendedTarget || target[list].length > COPY_UP_TO)
    return new ExtendedTarget(target, list, names);
  return extend(target, list, names);
}

export function targetOf(target: LateTarget): Target {
  return target instanceof ExtendedTarget ? target.whole : target;
}

class ExtendedTarget {
  #before: LateTarget;
  readonly #list: TargetList;
  readonly #names: readonly string[];
  #whole: Target | undefined;

  constructor(before: LateTarget, list: TargetList, names: readonly string[]) {
    this.#before = before;
    this.#list = list;
    this.#names = names;
  }

  get whole(): Target {
    if (!this.#whole) {
      this.#whole = this.#putTogether();
      // Its parts are needed no more.
      this.#before = this.#whole;
    }
    return this.#whole;
  }

  #putTogether(): Target {
    const added: ExtendedTarget[] = [this];
    let start = this.#before;
    while (start instanceof ExtendedTarget && !start.#whole) {
      added.push(start);
      start = start.#before;
    }
    const names = new Map<TargetList, string[]>();
    for (const one of added.toReversed()) {
      const all = names.get(one.#list) ?? [];
      for (const name of one.#names) all.push(name);
      names.set(one.#list, all);
    }
    let target = targetOf(start);
    for (const [list, all] of names) target = extend(target, list, all);
    return target;
  }
}

function union(present: readonly string[], more: readonly string[]): readonly string[] {
  if (more.length === 0) return present;
  if (present.length === 0 && more.length === 1) return [more[0]!];
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
