import { EVERYONE, type Target } from '../../hub/target.js';
import type { GroupKind, HistoryRule, HistoryRules } from './history-rules.js';

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
 * Takes a target apart into groups with a history and the rest. Each part leaves out the groups of the parts before it, so that a
 * connection that is meant in several ways gets one copy.
 */
export function splitTarget(target: Target, rules: HistoryRules): SplitTarget {
  if (target.everyone) return splitEveryone(target, rules);
  const rooms = target.rooms.filter((room) => rules.ruleFor('room', room));
  const users = target.users.filter((user) => rules.ruleFor('user', user));
  if (rooms.length + users.length === 0) return { logged: [], live: target };
  const logged: LoggedPart[] = [];
  let rest = target;
  for (const name of rooms) {
    const rule = rules.ruleFor('room', name)!;
    logged.push({ kind: 'room', name, rule, target: { ...only(rest), rooms: [name] } });
    rest = { ...rest, exceptRooms: [...rest.exceptRooms, name] };
  }
  for (const name of users) {
    const rule = rules.ruleFor('user', name)!;
    logged.push({ kind: 'user', name, rule, target: { ...only(rest), users: [name] } });
    rest = { ...rest, exceptUsers: [...rest.exceptUsers, name] };
  }
  const live = {
    ...rest,
    rooms: target.rooms.filter((room) => !rooms.includes(room)),
    users: target.users.filter((user) => !users.includes(user)),
  };
  const named = live.rooms.length + live.users.length + live.connections.length;
  return { logged, live: named > 0 ? live : undefined };
}

function splitEveryone(target: Target, rules: HistoryRules): SplitTarget {
  const rule = rules.ruleFor('all', '');
  if (!rule) return { logged: [], live: target };
  return { logged: [{ kind: 'all', name: '', rule, target }], live: undefined };
}

/** The exceptions of the target, and nobody whom it names. */
function only({ exceptRooms, exceptUsers, exceptConnections }: Target): Target {
  return { ...EVERYONE, everyone: false, exceptRooms, exceptUsers, exceptConnections };
}
