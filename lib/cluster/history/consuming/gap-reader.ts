import type { Logs } from '../../../transport/logs.js';
import type { LogConsumer } from './log-consumer.js';

/** How many logs are read at a time. */
const CONCURRENT = 8;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;

/** Reads for logs what they missed, some at a time, until each has caught up. */
export class GapReader {
  readonly #logs: Pick<Logs, 'read'>;
  readonly #due = new Set<LogConsumer>();
  readonly #reading = new Set<LogConsumer>();
  readonly #pausing = new Map<LogConsumer, NodeJS.Timeout>();
  #open = false;
  #generation = 0;

  constructor(logs: Pick<Logs, 'read'>) {
    this.#logs = logs;
  }

  open(): void {
    this.#generation++;
    this.#open = true;
  }

  /** Forgets what is due: each log is compared anew when the link is back. */
  suspend(): void {
    this.#generation++;
    this.#open = false;
    this.#due.clear();
    for (const timer of this.#pausing.values()) clearTimeout(timer);
    this.#pausing.clear();
  }

  /** The log wants a read. */
  add(log: LogConsumer): void {
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
        if (log.pendingRead) this.add(log);
        this.#readSome();
      });
    }
  }

  /** Never rejects. */
  async #read(log: LogConsumer): Promise<void> {
    const { pendingRead } = log;
    if (!pendingRead) return;
    const generation = this.#generation;
    try {
      const read = await this.#logs.read(log.channel, { ...pendingRead, follows: true }, log.rule);
      if (generation !== this.#generation || log.closed) return;
      if (log.repair(pendingRead, read)) return;
    } catch {
      if (generation !== this.#generation || log.closed) return;
    }
    this.#pause(log);
  }

  /** The answer did not help, or there was none: the next comes later. */
  #pause(log: LogConsumer): void {
    const ms = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** log.fruitlessReads++);
    const timer = setTimeout(() => {
      this.#pausing.delete(log);
      if (log.pendingRead) this.add(log);
    }, ms);
    this.#pausing.set(log, timer);
  }
}
