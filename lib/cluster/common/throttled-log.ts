import { messageOf, oneLine, stackOf } from '../../errors/quote.js';
import type { BackplaneLogger } from './logger.js';

const ONE_MINUTE_MS = 60_000;
/** More kinds than an app has handlers. Those beyond share one line. */
const MAX_KINDS = 1_000;
const OTHERS = 'others';
/** Enough for a sentence with several quoted names. */
const MAX_LINE_LENGTH = 2_000;

/** A line, or the function that makes it: called for those lines only that are logged. */
export type Line = string | (() => string);

interface Kind {
  loggedAt: number;
  unlogged: number;
}

/**
 * The log for every line that bad input of a client, of Redis or of another instance can cause, or
 * that a handler's failure can cause (clients provoke those). The first line of a kind is logged at
 * once. Then there is at most one a minute, which says how many there were since the last.
 *
 * A kind is a constant, with the name of a gateway or of a handler at most, never a word that a
 * client chose. Text from outside goes through `quote` or `oneLine` of `errors/quote.ts`; `error`
 * does so for the thrown value.
 */
export class ThrottledLog {
  readonly #logger: BackplaneLogger;
  readonly #intervalMs: number;
  readonly #kinds = new Map<string, Kind>();

  /** @param intervalMs between two lines of a kind, default one minute */
  constructor(logger: BackplaneLogger, intervalMs = ONE_MINUTE_MS) {
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  warn(kind: string, line: Line): void {
    const times = this.#due(kind);
    if (times !== undefined) this.#logger.warn(textOf(line) + times);
  }

  debug(kind: string, line: Line): void {
    const times = this.#due(kind);
    if (times !== undefined) this.#logger.debug?.(textOf(line) + times);
  }

  /** @param thrown its message ends the line, on one line and cut, and its stack goes with it */
  error(kind: string, line: Line, thrown?: unknown): void {
    const times = this.#due(kind);
    if (times === undefined) return;
    const reason = thrown === undefined ? '' : `: ${messageOf(thrown)}`;
    this.#logger.error(textOf(line) + reason + times, stackOf(thrown));
  }

  /** The end of a line that is due now; undefined if it is only counted. */
  #due(kind: string): string | undefined {
    const now = performance.now();
    const state = this.#stateOf(kind, now);
    state.unlogged++;
    if (now - state.loggedAt < this.#intervalMs) return undefined;
    const times = state.unlogged;
    state.loggedAt = now;
    state.unlogged = 0;
    return times > 1 ? ` (${times} times since the last such line)` : '';
  }

  #stateOf(kind: string, now: number): Kind {
    const known = this.#kinds.get(kind);
    if (known) return known;
    if (this.#kinds.size >= MAX_KINDS && kind !== OTHERS) {
      this.#forgetQuiet(now);
      if (this.#kinds.size >= MAX_KINDS) return this.#stateOf(OTHERS, now);
    }
    const state = { loggedAt: -Infinity, unlogged: 0 };
    this.#kinds.set(kind, state);
    return state;
  }

  /** Those with nothing to say and no line to hold back. */
  #forgetQuiet(now: number): void {
    for (const [kind, { loggedAt, unlogged }] of this.#kinds)
      if (unlogged === 0 && now - loggedAt >= this.#intervalMs) this.#kinds.delete(kind);
  }
}

function textOf(line: Line): string {
  return oneLine(typeof line === 'string' ? line : line(), MAX_LINE_LENGTH);
}
