import type { Counters } from '../../cluster/common/counters.js';
import type { PausedPosition } from '../../cluster/local/connection.js';
import { Batch } from '../../hub/batch.js';
import type { Frame } from '../../hub/frame.js';

/**
 * The histories in which a client is paused, since it did not read, and where it stands in each.
 * Made with the first pause.
 */
export class PausedHistories {
  /** By the history's log. */
  readonly positions = new Map<string, PausedPosition>();
  readonly #counters: Pick<Counters, 'dropped' | 'pauses'>;

  constructor(counters: Pick<Counters, 'dropped' | 'pauses'>) {
    this.#counters = counters;
  }

  pause(log: string, at: PausedPosition): void {
    if (!this.positions.has(log)) this.#counters.pauses++;
    this.positions.set(log, at);
  }

  /**
   * Pauses the client before each message of the batch that has a history: it is read there later.
   * The others are dropped.
   * @returns whether the client is paused in one more history
   */
  pauseBefore(batch: Batch): boolean {
    const pausesBefore = this.#counters.pauses;
    for (const { position } of batch.frames) {
      if (!position) {
        this.#counters.dropped++;
        continue;
      }
      const { log, epoch, offset, previousTag: tag } = position;
      if (!this.positions.has(log)) this.pause(log, { epoch, offset: offset - 1, tag });
    }
    return this.#counters.pauses > pausesBefore;
  }

  /** The messages that may be written now; undefined where there is none. */
  writable(batch: Batch): Batch | undefined {
    const due = batch.frames.filter(
      ({ position }) => !position || !this.positions.has(position.log),
    );
    return due.length === batch.frames.length ? batch : batchOf(due);
  }
}

/** The messages that have a history, and those that have none. */
export function byHavingAPosition({ frames }: Batch): (Batch | undefined)[] {
  return [
    batchOf(frames.filter(({ position }) => position)),
    batchOf(frames.filter(({ position }) => !position)),
  ];
}

function batchOf(frames: Frame[]): Batch | undefined {
  return frames.length === 0 ? undefined : Batch.of(frames as [Frame, ...Frame[]]);
}
