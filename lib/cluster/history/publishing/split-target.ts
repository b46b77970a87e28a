import { EVERYONE, type Target, type GroupKind } from '../../../hub/target.js';
import type { HistoryRule, HistoryRules } from '../../common/history-rules.js';

/** The part of a target that has a history of its own. */
export interface LoggedPart {
  readonly kind: GroupKind;
  /** The room's or the user's; empty for `all`. */
  readonly name: string;
  readonly rule: HistoryRule;
  /** The group, less who gets the message by a part before. */
  readonly target: Target;
}

export interface SplitTarget {
  /** In the order in which they were named. */
  readonly logged: readonly LoggedPart[];
  /** Undefined if nobody is left to whom the message goes without a history. */
  readonly live: Target | undefined;
}

/**
 * Of one call: each room's entry lists the rooms before it, so the bytes grow with the square of
 * this.
 */
const MAX_ROOMS = 64;
/**
 * The entry of each user lists the exceptions. More of both than this would grow with their
 * product.
 */
const MAX_EXCEPTIONS_OF_MANY = 64;

interface Named {
  readonly name: string;
  readonly rule: HistoryRule;
}

/**
 * Takes a target apart into groups with a history and the rest. The part of a room leaves out the
 * rooms of the parts before it, so that a connection that is meant in several ways gets one copy.
 * Users leave out rooms only: no connection has two users.
 *
 * @throws TypeError for more rooms with a history than fit into one call; rooms without one do not
 * count
 */
export function splitTarget(target: Target, rules: HistoryRules): SplitTarget {
  if (target.everyone) return splitEveryone(target, rules);
  if (isOneGroup(target)) return splitOneGroup(target, rules);
  const [rooms, liveRooms] = byRule('room', target.rooms, rules);
  const [users, liveUsers] = byRule('user', target.users, rules);
  if (rooms.length + users.length === 0) return { logged: [], live: target };
  assertFits(target, rooms.length, users.length);
  const logged: LoggedPart[] = [];
  let rest = only(target);
  for (const { name, rule } of rooms) {
    logged.push({ kind: 'room', name, rule, target: { ...rest, rooms: [name] } });
    rest = { ...rest, exceptRooms: [...rest.exceptRooms, name] };
  }
  for (const { name, rule } of users)
    logged.push({ kind: 'user', name, rule, target: { ...rest, users: [name] } });
  const { connections } = target;
  if (liveRooms.length + liveUsers.length + connections.length === 0)
    return { logged, live: undefined };
  const exceptUsers = [...rest.exceptUsers, ...users.map(({ name }) => name)];
  return {
    logged,
    live: { ...rest, rooms: liveRooms, users: liveUsers, connections, exceptUsers },
  };
}

function splitEveryone(target: Target, rules: HistoryRules): SplitTarget {
  const rule = rules.ruleFor('all', '');
  if (!rule) return { logged: [], live: target };
  return { logged: [{ kind: 'all', name: '', rule, target }], live: undefined };
}

function isOneGroup({ rooms, users, connections }: Target): boolean {
  return rooms.length + users.length === 1 && connections.length === 0;
}

/** Most messages go to one room or user: nothing of their target has to be copied. */
function splitOneGroup(target: Target, rules: HistoryRules): SplitTarget {
  const kind = target.rooms.length === 1 ? 'room' : 'user';
  const name = (target.rooms[0] ?? target.users[0])!;
  const rule = rules.ruleFor(kind, name);
  if (!rule) return { logged: [], live: target };
  return { logged: [{ kind, name, rule, target }], live: undefined };
}

/** Those with a history, and those without. */
function byRule(
  kind: GroupKind,
  names: readonly string[],
  rules: HistoryRules,
): [Named[], readonly string[]] {
  const withRule: Named[] = [];
  const without: string[] = [];
  for (const name of names) {
    const rule = rules.ruleFor(kind, name);
    if (rule) withRule.push({ name, rule });
    else without.push(name);
  }
  return [withRule, without];
}

function assertFits(target: Target, rooms: number, users: number): void {
  if (rooms > MAX_ROOMS) {
    throw new TypeError(
      `One message can go to at most ${MAX_ROOMS} rooms with a history, got ${rooms}. ` +
        'Send it in several calls, or to one room that all of them join.',
    );
  }
  const { exceptRooms, exceptUsers, exceptConnections } = target;
  const excepts = exceptRooms.length + exceptUsers.length + exceptConnections.length;
  if (rooms + users > MAX_ROOMS && excepts > MAX_EXCEPTIONS_OF_MANY) {
    throw new TypeError(
      `One message to more than ${MAX_ROOMS} rooms and users with a history can have at most ` +
        `${MAX_EXCEPTIONS_OF_MANY} exceptions, got ${rooms + users} and ${excepts}. Send it in several calls.`,
    );
  }
}

/** The exceptions of the target, and nobody whom it names. */
function only({ exceptRooms, exceptUsers, exceptConnections }: Target): Target {
  return { ...EVERYONE, everyone: false, exceptRooms, exceptUsers, exceptConnections };
}
