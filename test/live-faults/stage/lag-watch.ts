import type { Lag } from './protocol.js';

const TICK_MS = 20;
const LATE_MS = 40;

/** Writes down when this process did not get on, or was behind with something. */
export class LagWatch {
  readonly #timer: NodeJS.Timeout;
  #lags: Lag[] = [];
  #lastAt = Date.now();

  /** @param isBehind whether something waits in this process */
  constructor(isBehind: () => boolean = () => false) {
    this.#timer = setInterval(() => this.#look(isBehind()), TICK_MS);
  }

  /** Those since the last call. */
  take(): Lag[] {
    return this.#lags.splice(0);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(isBehind: boolean): void {
    const now = Date.now();
    if (isBehind || now - this.#lastAt > TICK_MS + LATE_MS) this.#note(this.#lastAt, now);
    this.#lastAt = now;
  }

  #note(from: number, to: number): void {
    const last = this.#lags.at(-1);
    if (last && last.to === from) this.#lags[this.#lags.length - 1] = { from: last.from, to };
    else this.#lags.push({ from, to });
  }
}
