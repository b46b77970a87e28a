import type { GroupKind } from '../../hub/target.js';
import type { LogLimits } from '../../transport/logs.js';

/** `'replicated'`: a `publish` resolves only once a replica has the message, too. */
export type Durability = 'replicated';

/** Rooms, users or whole hubs that have a history, and how much of one. */
export interface HistoryRule extends LogLimits {
  /**
   * Which names the rule is for: of rooms, of users, or (with `all`, where there is but one) none.
   */
  readonly of: GroupKind;
  readonly matches: (name: string) => boolean;
  readonly durability: Durability | undefined;
}

/** Which targets have a history. The first rule that matches wins. */
export class HistoryRules {
  readonly #byKind: Readonly<Record<GroupKind, readonly HistoryRule[]>>;
  /** Whether there is any rule at all. */
  readonly any: boolean;

  constructor(rules: readonly HistoryRule[]) {
    const of = (kind: GroupKind): HistoryRule[] => rules.filter((rule) => rule.of === kind);
    this.#byKind = { room: of('room'), user: of('user'), all: of('all') };
    this.any = rules.length > 0;
  }

  /** Undefined for a target that lives without a history. */
  ruleFor(kind: GroupKind, name: string): HistoryRule | undefined {
    return this.#byKind[kind].find((rule) => rule.matches(name));
  }
}
