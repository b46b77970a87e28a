/**
 * What the server's clock says, as far as an answer can tell: the pages of a demo may be on another
 * machine.
 */
export class Clock {
  #connection;
  #aheadMs = 0;

  constructor(connection) {
    this.#connection = connection;
  }

  /** Asks anew: another connection may lead to another machine. */
  async set() {
    const asked = Date.now();
    try {
      const { at } = await this.#connection.request('clock');
      const now = Date.now();
      const aheadMs = at - (asked + now) / 2;
      // Within what the way may have cost, the clocks agree: most demos run on one machine.
      this.#aheadMs = Math.abs(aheadMs) <= (now - asked) / 2 + 1 ? 0 : aheadMs;
    } catch {
      // The next connection asks again.
    }
  }

  /** Since the server's clock said so. */
  ageOf(at) {
    return Math.max(0, Date.now() + this.#aheadMs - at);
  }
}

export function durationOf(ms) {
  if (ms < 1) return '<1 ms';
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
