import type { Logs } from '../../transport/logs.js';
import type { FollowedLog } from './followed-log.js';

/** How many logs are read at a time. */
const CONCURRENT = 8;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;

/** Reads for logs what they missed, some at a time, until each has caught up. */
export class LogRepairs {
  readonly #logs: Pick<Logs, 'read'>;
  readonly #due = new Set<FollowedLog>();
  readonly #reading = new Set<FollowedLog>();
  readonly #pausing = new Map<FollowedLog, NodeJS.Timeout>();
  #open = false;
  #era = 0;

  constructor(logs: Pick<Logs, 'read'>) {
    this.#logs = logs;
  }

  open(): void {
    this.#era++;
    this.#open = true;
  }

  /** Forgets what is due: each log is compared anew when the link is back. */
  suspend(): void {
    this.#era++;
    this.#open = false;
    this.#due.clear();
    for (const timer of this.#pausing.values()) clearTimeout(timer);
    this.#pausing.clear();
  }

  /** The log wants a read. */
  add(log: FollowedLog): void {
    if (!this.#open || this.#reading.has(log) || this.#pausing.has(log)) return;
    this.#due.add(log);
    this.#readSome();
  }

  #readSome(): void {
    for (const log of this.#due) {
      if (this.#reading.size >= CONCURRENT) return;
      this.#due.delete(log);
      this.#reading.add(log);
      void this.#read(log).finally(() => {
        this.#reading.delete(log);
        // Also after the era of this read: the log may want another read in the present one.
        if (log.wanted) this.add(log);
        this.#readSome();
      });
    }
  }

  /** Never rejects. */
  async #read(log: FollowedLog): Promise<void> {
    const { wanted } = log;
    if (!wanted) return;
    const era = this.#era;
    try {
      const read = await this.#logs.read(log.channel, { ...wanted, follows: true }, log.rule);
      if (era !== this.#era || log.closed) return;
      if (log.repair(wanted, read)) return;
    } catch {
      if (era !== this.#era || log.closed) return;
    }
    this.#pause(log);
  }

  /** The answer did not help, or there was none: the next comes later. */
  #pause(log: FollowedLog): void {
    const ms = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** log.fruitlessReads++);
    const timer = setTimeout(() => {
      this.#pausing.delete(log);
      if (log.wanted) this.add(log);
    }, ms);
    this.#pausing.set(log, timer);
  }
}
