import type { BackplaneLogger } from './logger.js';

/** A warning that anybody could provoke: logged at most once in a while, with how often it happened meanwhile. */
export class ThrottledWarning {
  readonly #logger: BackplaneLogger;
  readonly #intervalMs: number;
  #loggedAt = -Infinity;
  #unlogged = 0;

  /** @param intervalMs default one minute */
  constructor(logger: BackplaneLogger, intervalMs = 60_000) {
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  warn(message: string): void {
    this.#unlogged++;
    const now = performance.now();
    if (now - this.#loggedAt < this.#intervalMs) return;
    this.#loggedAt = now;
    const times = this.#unlogged > 1 ? ` (${this.#unlogged} times since the last such line)` : '';
    this.#unlogged = 0;
    this.#logger.warn(message + times);
  }
}
