import {
  assertKnown,
  isPlainObject,
  typeOf,
  integerOption,
  invalidOption,
} from '../adapter/options/option-checks.js';
import type { GroupKind } from '../hub/target.js';
import type { Durability, HistoryRule } from '../cluster/common/history-rules.js';
import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import { UnboundedError } from './linear-regexp/compile.js';
import { linearTest } from './linear-regexp/linear-regexp.js';

interface HistoryLimits {
  /** How many messages are kept. */
  size: number;
  /** For how long they are, after the last one. */
  ttlMs: number;
  /**
   * `'replicated'`: `publish` resolves only once a replica has the message. That narrows the window
   * in which a failover loses what was confirmed; it does not close it. Default: Redis has it.
   */
  durability?: Durability | undefined;
}

/**
 * The targets that have a history: rooms (a name, a prefix that ends with `*`, or a RegExp), each
 * user, or the whole hub.
 */
export type HistoryOption = HistoryLimits &
  ({ rooms: string | RegExp } | { users: true } | { all: true });

const DAY_MS = 24 * 60 * 60 * 1_000;
/**
 * The numbering outlives the entries by so much, so that who comes late learns what was missed, not
 * a fresh start.
 */
const META_LIFETIMES = 10;
/** The result of one read must fit into an answer of Redis. */
const MAX_ENTRIES = 100_000;
const SHAPE = "{ rooms: 'orders:*', size: 200, ttlMs: 300_000 }";
const SELECTORS = ['rooms', 'users', 'all'] as const;
const KNOWN = [...SELECTORS, 'size', 'ttlMs', 'durability'];

/** @throws BackplaneConfigError naming the rule by its index, and how to fix it */
export function historyRules(given: unknown): readonly HistoryRule[] {
  if (given === undefined) return [];
  if (!Array.isArray(given))
    throw invalidOption('history', 'a list of rules', given, `Write history: [${SHAPE}].`);
  return Object.freeze(given.map((rule, at) => historyRule(`history[${at}]`, rule)));
}

function historyRule(option: string, given: unknown): HistoryRule {
  if (!isPlainObject(given)) throw invalidOption(option, 'a rule', given, `Write ${SHAPE}.`);
  assertKnown(`${option}.`, given, KNOWN);
  const named = SELECTORS.filter((one) => given[one] !== undefined);
  if (named.length !== 1) {
    throw new BackplaneConfigError(
      `The option "${option}" must say one of "rooms", "users" and "all", got ${named.join(' and ') || 'none'}. Write ${SHAPE}.`,
    );
  }
  const size = integerOption(`${option}.size`, required(option, given, 'size'), 0);
  if (size > MAX_ENTRIES) {
    throw new BackplaneConfigError(
      `The option "${option}.size" must be at most ${MAX_ENTRIES}, got ${size}. A history bridges gaps; keep what must last in a database.`,
    );
  }
  const ttlMs = integerOption(`${option}.ttlMs`, required(option, given, 'ttlMs'), 0);
  return Object.freeze({
    ...selector(option, named[0]!, given[named[0]!]),
    size,
    ttlMs,
    metaTtlMs: Math.max(META_LIFETIMES * ttlMs, DAY_MS),
    durability: durability(option, given['durability']),
  });
}

function required(option: string, given: Record<string, unknown>, name: string): unknown {
  if (given[name] !== undefined) return given[name];
  throw new BackplaneConfigError(`The option "${option}.${name}" is missing. Write ${SHAPE}.`);
}

function selector(
  option: string,
  name: (typeof SELECTORS)[number],
  given: unknown,
): { of: GroupKind; matches: (name: string) => boolean } {
  if (name === 'rooms') return { of: 'room', matches: roomMatcher(`${option}.rooms`, given) };
  if (given !== true) throw invalidOption(`${option}.${name}`, 'true, or left out', given);
  return { of: name === 'users' ? 'user' : 'all', matches: () => true };
}

function roomMatcher(option: string, given: unknown): (room: string) => boolean {
  if (given instanceof RegExp) return expressionMatcher(option, given);
  if (typeof given !== 'string' || given === '')
    throw invalidOption(option, "a room's name, a prefix that ends with *, or a RegExp", given);
  if (!given.endsWith('*')) return (room) => room === given;
  const prefix = given.slice(0, -1);
  return (room) => room.startsWith(prefix);
}

/** Clients may choose names of rooms: no name may take long to be looked at. */
function expressionMatcher(option: string, given: RegExp): (room: string) => boolean {
  try {
    return linearTest(given);
  } catch (error) {
    if (!(error instanceof UnboundedError)) throw error;
    throw new BackplaneConfigError(
      `The option "${option}" is a RegExp that may take too long for the name of a room, because of ${error.message}. ` +
        'Write a shorter one, without back-references and looks behind, or a prefix that ends with *.',
      { cause: error },
    );
  }
}

function durability(option: string, given: unknown): Durability | undefined {
  if (given === undefined || given === 'replicated') return given;
  throw new BackplaneConfigError(
    `The option "${option}.durability" must be 'replicated', or left out, got ${typeOf(given)}.`,
  );
}
