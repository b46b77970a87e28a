import type { LogConsumer } from './log-consumer.js';

const TICK_MS = 250;
/**
 * How long each stage waits: a log that has gone quiet is compared with Redis after 1, 5 and 15 s,
 * and then every 60 s.
 */
const WAIT_TICKS = [4, 16, 40, 240] as const;
const LAST_STAGE = WAIT_TICKS.length - 1;
/**
 * The last stage is spread by up to this part of itself: logs that went quiet together part ways.
 */
const SPREAD = 0.25;

/**
 * Finds what no later message would tell of: the last one that was lost. All logs share one timer.
 *
 * Invariants: each log is in one stage; stages after the first are in the order in which they were
 * entered, and nearly so of the ticks at which they end.
 */
export class IdleChecker {
  readonly #check: (log: LogConsumer) => void;
  readonly #stages: readonly Map<LogConsumer, number>[] = WAIT_TICKS.map(() => new Map());
  #tick = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(check: (log: LogConsumer) => void) {
    this.#check = check;
  }

  /** Something of the log came, or was sent: its quiet begins anew. */
  touch(log: LogConsumer): void {
    log.touchedAt = this.#tick;
    if (log.quietStage === 0) return;
    this.forget(log);
    this.#enter(log, 0);
    this.#timer ??= setInterval(this.#onTick, TICK_MS);
  }

  forget(log: LogConsumer): void {
    if (log.quietStage === undefined) return;
    this.#stages[log.quietStage]!.delete(log);
    log.quietStage = undefined;
    if (this.#stages.every(({ size }) => size === 0)) this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  readonly #onTick = (): void => {
    this.#tick++;
    const due: LogConsumer[] = [];
    for (const log of this.#stages[0]!.keys())
      if (this.#tick - log.touchedAt >= WAIT_TICKS[0]) due.push(log);
    for (const stage of this.#stages.slice(1)) {
      for (const [log, at] of stage) {
        if (at > this.#tick) break;
        due.push(log);
      }
    }
    for (const log of due) {
      const stage = Math.min(log.quietStage! + 1, LAST_STAGE);
      this.#stages[log.quietStage!]!.delete(log);
      this.#enter(log, stage);
      this.#check(log);
    }
  };

  #enter(log: LogConsumer, stage: number): void {
    const ticks = WAIT_TICKS[stage]!;
    const spread = stage === LAST_STAGE ? Math.random() * ticks * SPREAD : 0;
    log.quietStage = stage;
    this.#stages[stage]!.set(log, this.#tick + ticks + Math.round(spread));
  }
}
