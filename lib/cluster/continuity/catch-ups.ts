import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { Batch } from '../../hub/batch.js';
import { Frame } from '../../hub/frame.js';
import type { LogEntry, Logs, LogTop } from '../../transport/logs.js';
import type { Connection, PausedAt } from '../connection.js';
import { decodeEnvelope, type Envelope } from '../wire/envelope.js';
import { decodeTarget } from '../wire/target-codec.js';
import type { Loss, LossReason } from './cursor.js';
import type { FollowedLog } from './followed-log.js';
import type { FollowedLogs } from './followed-logs.js';
import { placeOf } from './place.js';

/** How many entries are read at a time for one client; an answer is bounded in bytes, too. */
const READ_LIMIT = 64;
const RETRY_MS = 500;

export interface CatchUpsOptions {
  readonly logs: Pick<Logs, 'read'>;
  readonly followed: Pick<FollowedLogs, 'get'>;
  /** What the client was due is gone. Must not throw. */
  readonly lost: (log: FollowedLog, loss: Loss, member: Connection) => void;
}

/**
 * Clients that did not read, and were paused in their histories: whenever one has read all that it was written, it gets a little more
 * from the log, until it stands where everyone here does.
 *
 * Invariant: a client is written only what is not beyond the log's cursor here, and is taken back into the live stream in the same
 * step in which it reaches it. So nothing comes to it twice, and nothing is left out.
 */
export class CatchUps {
  readonly #options: CatchUpsOptions;
  readonly #running = new Set<Connection>();
  readonly #closing = new AbortController();

  constructor(options: CatchUpsOptions) {
    this.#options = options;
    // As many wait as clients are paused.
    setMaxListeners(0, this.#closing.signal);
  }

  /** The client was paused in a history. */
  start(member: Connection): void {
    if (this.#running.has(member) || this.#closing.signal.aborted) return;
    this.#running.add(member);
    void this.#run(member).finally(() => {
      this.#running.delete(member);
      // Paused again between the last look and now.
      if (member.paused.size > 0 && member.isOpen) this.start(member);
    });
  }

  close(): void {
    this.#closing.abort();
  }

  /** Never rejects. */
  async #run(member: Connection): Promise<void> {
    const { signal } = this.#closing;
    let limit = READ_LIMIT;
    while ((await member.drained()) && !signal.aborted) {
      const [next] = member.paused;
      if (!next) return;
      const [channel, at] = next;
      try {
        const tookAll = await this.#bringOn(member, channel, at, limit);
        // What it cannot take is not read over and over.
        limit = tookAll ? Math.min(2 * limit, READ_LIMIT) : 1;
      } catch {
        // Redis is away: what waits, waits a little longer.
        await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      }
      // One history after the other, in turn.
      const stillAt = member.paused.get(channel);
      if (stillAt && member.paused.size > 1) {
        member.paused.delete(channel);
        member.paused.set(channel, stillAt);
      }
    }
  }

  /** One step. False if the client could not be written all that was read for it. */
  async #bringOn(
    member: Connection,
    channel: string,
    at: PausedAt,
    limit: number,
  ): Promise<boolean> {
    const { logs, followed } = this.#options;
    const log = followed.get(channel);
    if (!log || this.#isThere(log, at)) {
      this.#rejoin(member, channel, log);
      return true;
    }
    const { entries } = await logs.read(channel, { from: at.offset + 1, limit }, log.rule);
    const { position } = log;
    const isStillDue = member.isOpen && member.paused.get(channel) === at;
    if (log !== followed.get(channel) || !position || !isStillDue) return true;
    const reason = lossOf(at, position, entries[0]);
    if (reason) {
      this.#rejoin(member, channel, log);
      this.#options.lost(log, { reason, last: at, top: position }, member);
      return true;
    }
    const due = dueOf(entries, at, position);
    const last = this.#write(member, log, due);
    if (last) {
      const now = { epoch: at.epoch, offset: last.offset, tag: last.tag };
      member.paused.set(channel, now);
      if (this.#isThere(log, now)) this.#rejoin(member, channel, log);
    }
    return last === due.at(-1);
  }

  #isThere({ position }: FollowedLog, { epoch, offset, tag }: PausedAt): boolean {
    return position?.offset === offset && position.tag === tag && position.epoch === epoch;
  }

  /** What this turn has for the client of the log is behind it by now: it is passed over while the client is still paused. */
  #rejoin(member: Connection, channel: string, log: FollowedLog | undefined): void {
    log?.route.hub.settle(member);
    member.paused.delete(channel);
  }

  /** Answers with the newest that need not be written any more. */
  #write(member: Connection, log: FollowedLog, entries: readonly LogEntry[]): LogEntry | undefined {
    let last: LogEntry | undefined;
    for (const entry of entries) {
      const envelope = envelopeFor(member, log, entry);
      if (envelope) {
        const place = placeOf(log, log.position!.epoch, entry);
        const frame = new Frame(envelope.payload, envelope.binary, place);
        if (!member.writeMissed(new Batch(frame), envelope)) break;
      }
      last = entry;
    }
    return last;
  }
}

/** Undefined if the entry is not meant for the member, or not to be waited for. */
function envelopeFor(
  member: Connection,
  { route }: FollowedLog,
  { bytes }: LogEntry,
): Envelope | undefined {
  const envelope = decodeEnvelope(bytes);
  if (!envelope || envelope.volatile) return undefined;
  const target = envelope.target.length > 0 ? decodeTarget(envelope.target) : undefined;
  return target && !route.hub.isMeant(member, target) ? undefined : envelope;
}

/** What follows each other up to the position; a hole behind it is found when it is its turn. */
function dueOf(entries: readonly LogEntry[], at: PausedAt, position: LogTop): LogEntry[] {
  let { offset, tag } = at;
  const due: LogEntry[] = [];
  for (const entry of entries) {
    if (entry.offset !== offset + 1 || entry.previousTag !== tag) break;
    if (entry.offset > position.offset) break;
    due.push(entry);
    ({ offset, tag } = entry);
  }
  return due;
}

/** Undefined while the log can bring the client on. */
function lossOf(
  at: PausedAt,
  position: LogTop,
  first: LogEntry | undefined,
): LossReason | undefined {
  if (position.epoch !== at.epoch) return 'new-epoch';
  if (position.offset < at.offset) return 'forked';
  if (position.offset === at.offset && position.tag !== at.tag) return 'forked';
  if (!first || first.offset > at.offset + 1)
    return position.offset > at.offset ? 'trimmed' : undefined;
  return first.previousTag === at.tag ? undefined : 'forked';
}
