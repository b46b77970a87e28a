import type { ThrottledLog } from '../../cluster/common/throttled-log.js';
import { Deadline, settledWithin } from '../../timing/deadline.js';

/**
 * Runs of `handleDisconnect` that have not ended. One that takes too long is waited for no longer,
 * and is forgotten.
 */
export class DisconnectHooks {
  readonly #log: ThrottledLog;
  readonly #timeoutMs: number;
  readonly #running = new Map<Promise<void>, Deadline>();

  constructor(log: ThrottledLog, timeoutMs: number) {
    this.#log = log;
    this.#timeoutMs = timeoutMs;
  }

  /** Never rejects. Settles with the run, however long that takes. */
  async add(gateway: string, running: Promise<void>): Promise<void> {
    const kind = `disconnect:${gateway}`;
    const ended = running.catch((error: unknown) =>
      this.#log.error(kind, `handleDisconnect of ${gateway} failed`, error),
    );
    const late = (): void => {
      this.#running.delete(ended);
      this.#log.warn(
        `${kind}:late`,
        `handleDisconnect of ${gateway} has not ended within ${this.#timeoutMs} ms. Look for a promise that never settles.`,
      );
    };
    this.#running.set(ended, new Deadline(this.#timeoutMs, late));
    await ended;
    this.#running.get(ended)?.cancel();
    this.#running.delete(ended);
  }

  /** Resolves when all have ended, or after so long; then none is waited for. */
  async close(graceMs: number): Promise<void> {
    if (this.#running.size > 0) await settledWithin(graceMs, Promise.all(this.#running.keys()));
    if (this.#running.size === 0) return;
    this.#log.warn(
      'disconnect:close',
      `The server closes although ${this.#running.size} runs of handleDisconnect have not ended within ${graceMs} ms.`,
    );
    for (const deadline of this.#running.values()) deadline.cancel();
    this.#running.clear();
  }
}
