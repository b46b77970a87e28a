import { LOG_HEADER_BYTES } from '../log-entry.js';
import { DATA_NAME_LENGTH, EMPTY_TTL_MS, epochOf, NOT_STORED } from '../log-epoch.js';
import { RandomIds } from '../random-ids.js';
import {
  type Append,
  type Appended,
  LOG_READ_BYTES,
  type LogEntry,
  type LogLifetimes,
  type LogRange,
  type LogRead,
  type LogTop,
} from '../logs.js';
import { MemoryLog } from './memory-log.js';

const SWEEP_EVERY_MS = 10_000;

/** The logs of all memory transports on one bus. They do everything at once. */
export class MemoryLogs {
  readonly #publish: (channel: string, bytes: Buffer) => void;
  readonly #names = new RandomIds();
  readonly #logs = new Map<string, MemoryLog>();
  readonly #data = this.#names.next().slice(0, DATA_NAME_LENGTH);
  #sweptAt = performance.now();
  readonly replicationId = this.#names.next();

  constructor(publish: (channel: string, bytes: Buffer) => void) {
    this.#publish = publish;
  }

  append({ channel, id, bytes, limits, idempotencyTtlMs }: Append): Appended {
    const now = performance.now();
    const log = this.#log(channel, now);
    const known = log.firstResult(id, now);
    if (known) return known;
    const { epoch, offset } = log.look(this.#newEpoch(), filled(limits), now);
    const frame = log.append(bytes, this.#names.next(), limits, now);
    const appended = { epoch, offset: offset + 1, duplicate: false };
    log.remember(id, appended, now + idempotencyTtlMs);
    this.#publish(channel, frame);
    return appended;
  }

  tops(channels: readonly string[], lifetimes: LogLifetimes): LogTop[] {
    const now = performance.now();
    return channels.map((channel) =>
      this.#log(channel, now).look(this.#newEpoch(), filled(lifetimes), now),
    );
  }

  read(channel: string, range: LogRange, lifetimes: LogLifetimes): LogRead {
    const now = performance.now();
    if (range.follows) {
      const log = this.#log(channel, now);
      const top = log.look(this.#newEpoch(), filled(lifetimes), now);
      return { top, entries: within(log.entries(now), range) };
    }
    const log = this.#logs.get(channel);
    const top = log?.glance(lifetimes.metaTtlMs, now);
    if (!log || !top)
      return { top: { epoch: this.#newEpoch(NOT_STORED), offset: 0, tag: '' }, entries: [] };
    return { top, entries: within(log.entries(now), range) };
  }

  /** @param ending of its random part */
  #newEpoch(ending = ''): string {
    return epochOf(this.#data, Date.now(), this.#names.next() + ending);
  }

  #log(channel: string, now: number): MemoryLog {
    this.#sweep(now);
    let log = this.#logs.get(channel);
    if (!log) this.#logs.set(channel, (log = new MemoryLog()));
    return log;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = now;
    for (const [channel, log] of this.#logs) if (!log.sweep(now)) this.#logs.delete(channel);
  }
}

function filled({ metaTtlMs, emptyTtlMs = EMPTY_TTL_MS }: LogLifetimes): Required<LogLifetimes> {
  return { metaTtlMs, emptyTtlMs };
}

function within(all: readonly LogEntry[], { from, limit, reverse = false }: LogRange): LogEntry[] {
  const inOrder = reverse ? all.toReversed() : all;
  const pendingRead = inOrder
    .filter(({ offset }) => from === undefined || (reverse ? offset <= from : offset >= from))
    .slice(0, limit);
  let bytes = 0;
  const tooMuch = pendingRead.findIndex((entry, i) => {
    bytes += LOG_HEADER_BYTES + entry.bytes.length;
    return i > 0 && bytes > LOG_READ_BYTES;
  });
  return tooMuch === -1 ? pendingRead : pendingRead.slice(0, tooMuch);
}
