import { BackplaneRefusedError } from '../../../errors/backplane-refused.error.js';
import type { Logs } from '../../../transport/logs.js';
import type { LogConsumer } from './log-consumer.js';

/**
 * How many logs are compared with Redis at a time: enough for speed, few enough for others to get
 * their answers between.
 */
const BATCH = 500;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 2_000;

/**
 * Compares logs with where they stand in Redis: what one turn asks for leaves together, in batches,
 * one after the other.
 */
export class PositionChecker {
  readonly #logs: Pick<Logs, 'tops'>;
  readonly #due = new Set<LogConsumer>();
  #open = false;
  /** Raised whenever the link comes or goes: an answer from before says nothing. */
  #generation = 0;
  #running = false;
  #retries = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(logs: Pick<Logs, 'tops'>) {
    this.#logs = logs;
  }

  /** From now on Redis can be asked, after so long. */
  open(afterMs: number): void {
    this.#generation++;
    this.#open = true;
    this.#retries = 0;
    this.#runAfter(afterMs);
  }

  /** Forgets what is due: all of it is when the link is back. */
  suspend(): void {
    this.#generation++;
    this.#open = false;
    this.#due.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Not used while the link is away: then all logs are due as soon as it is back. */
  add(log: LogConsumer): void {
    if (!this.#open) return;
    this.#due.add(log);
    this.#runAfter(0);
  }

  forget(log: LogConsumer): void {
    this.#due.delete(log);
  }

  #runAfter(ms: number): void {
    if (this.#running) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#running = true;
      void this.#run().finally(() => {
        this.#running = false;
        if (this.#open && this.#due.size > 0) this.#runAfter(this.#pauseMs());
      });
    }, ms);
  }

  /** Until nothing is due, or a batch failed. Never rejects. */
  async #run(): Promise<void> {
    const generation = this.#generation;
    while (this.#open && generation === this.#generation && this.#due.size > 0) {
      const failed = await this.#compare(this.#nextBatch(), generation);
      if (generation !== this.#generation) return;
      for (const log of failed) {
        log.endWait();
        this.#due.add(log);
      }
      if (failed.length > 0) return void this.#retries++;
      this.#retries = 0;
    }
  }

  /** Answers with the logs that are to be asked for again. Never rejects. */
  async #compare(
    batch: readonly LogConsumer[],
    generation: number,
  ): Promise<readonly LogConsumer[]> {
    if (batch.length === 0 || generation !== this.#generation) return [];
    try {
      const tops = await this.#logs.tops(
        batch.map(({ channel }) => channel),
        batch[0]!.rule,
      );
      if (generation === this.#generation) batch.forEach((log, at) => log.compare(tops[at]!));
      return [];
    } catch (error) {
      return error instanceof BackplaneRefusedError ? this.#compareParts(batch, generation) : batch;
    }
  }

  /**
   * A log whose keys are damaged does not hold up the others. It is compared on the next occasion.
   */
  async #compareParts(
    batch: readonly LogConsumer[],
    generation: number,
  ): Promise<readonly LogConsumer[]> {
    if (batch.length === 1) {
      batch[0]!.endWait();
      return [];
    }
    const middle = batch.length >> 1;
    const before = await this.#compare(batch.slice(0, middle), generation);
    return [...before, ...(await this.#compare(batch.slice(middle), generation))];
  }

  #pauseMs(): number {
    return this.#retries === 0
      ? 0
      : Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#retries - 1));
  }

  /** Logs of one lifetime: one call says it for all. */
  #nextBatch(): LogConsumer[] {
    const batch: LogConsumer[] = [];
    for (const log of this.#due) {
      if (batch.length > 0 && log.rule.metaTtlMs !== batch[0]!.rule.metaTtlMs) continue;
      this.#due.delete(log);
      if (log.closed) continue;
      batch.push(log);
      if (batch.length === BATCH) break;
    }
    return batch;
  }
}
