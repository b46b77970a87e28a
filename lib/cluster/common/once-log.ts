import { oneLine } from '../../errors/quote.js';
import type { BackplaneLogger } from './logger.js';

/** Names of a kind that are remembered. More are not logged. */
const MAX_NAMES = 200;
/** As many characters as `quote` shows. */
const MAX_NAME_LENGTH = 100;
const MAX_LINE_LENGTH = 2_000;

/**
 * Debug lines about names: each name of a kind once, and of each kind so many names at most.
 * Clients may choose the names: neither memory nor the log grows with them beyond that.
 */
export class OnceLog {
  readonly #logger: BackplaneLogger;
  readonly #said = new Map<string, Set<string>>();

  constructor(logger: BackplaneLogger) {
    this.#logger = logger;
  }

  /**
   * @param kind a constant
   * @param name compared by its beginning
   */
  debug(kind: string, name: string, line: () => string): void {
    if (this.knows(kind, name)) return;
    const names = this.#said.get(kind) ?? new Set();
    this.#said.set(kind, names);
    names.add(startOf(name));
    const isLast = names.size === MAX_NAMES;
    const end = isLast ? ' This was the last such line: there are many such names.' : '';
    this.#logger.debug?.(oneLine(line(), MAX_LINE_LENGTH) + end);
  }

  /** Whether nothing would be said. */
  knows(kind: string, name: string): boolean {
    const names = this.#said.get(kind);
    return names !== undefined && (names.size >= MAX_NAMES || names.has(startOf(name)));
  }
}

/** A copy: a part of a string keeps the whole of it. */
function startOf(name: string): string {
  return name.length <= MAX_NAME_LENGTH
    ? name
    : Buffer.from(name.slice(0, MAX_NAME_LENGTH)).toString();
}
