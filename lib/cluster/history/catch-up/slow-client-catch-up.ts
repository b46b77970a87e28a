import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { Batch } from '../../../hub/batch.js';
import { Frame } from '../../../hub/frame.js';
import { targetOfGroup } from '../../../hub/target.js';
import { isSameBeginning } from '../../../transport/log-epoch.js';
import type { LogEntry, LogRead, Logs, LogTop } from '../../../transport/logs.js';
import type { Connection, PausedPosition, Loss, LossReason } from '../../local/connection.js';
import { decodeEnvelope, type Envelope } from '../../wire/envelope.js';
import { decodeTarget } from '../../wire/target-codec.js';
import type { LogConsumer } from '../consuming/log-consumer.js';
import type { LogConsumers } from '../consuming/log-consumers.js';
import { positionOf } from '../consuming/stream-position.js';

/** How many entries are read at a time for one client; an answer is bounded in bytes, too. */
const READ_LIMIT = 64;
const RETRY_MS = 500;

export interface SlowClientCatchUpOptions {
  readonly logs: Pick<Logs, 'read'>;
  readonly followed: Pick<LogConsumers, 'get' | 'check'>;
  /** Messages that the client was due are gone. Must not throw. */
  readonly lost: (log: LogConsumer, loss: Loss, member: Connection) => void;
}

/**
 * Clients that did not read, and were paused in their histories: whenever one has read all that it
 * was written, it gets a little more from the log, until it stands where everyone here does.
 *
 * Invariant: a client is written only what the log's cursor here has delivered, and is taken back
 * into the live stream in the same step in which it reaches it. So nothing comes to it twice, and
 * nothing is left out.
 */
export class SlowClientCatchUp {
  readonly #options: SlowClientCatchUpOptions;
  readonly #running = new Set<Connection>();
  readonly #closing = new AbortController();

  constructor(options: SlowClientCatchUpOptions) {
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

  /**
   * All members here have lost messages. A broadcast of the app about the loss would not be written
   * to members that do not read. So each of these is notified on its own when it has read, and gets
   * nothing of the log before. The same holds for a member that is catching up, as it may have lost
   * more.
   * @param tell tells all members
   */
  reportLossToAll(log: LogConsumer, loss: Loss, tell: () => void): void {
    const { channel, route } = log;
    const members = route.hub.select(targetOfGroup(route)).filter(({ isPausable }) => isPausable);
    const pauseBehind = (member: Connection): void => {
      const isBackpressured = member.isBackpressured();
      const at = member.paused.get(channel);
      if (at || isBackpressured)
        member.pauseLog(channel, { ...loss.top, unreportedLoss: unreportedLossOf(at, loss) });
    };
    for (const member of members) {
      route.hub.flushMember(member);
      pauseBehind(member);
    }
    tell();
    for (const member of members) {
      // A client that can be written now may not be any more when the turn ends, or after others
      // were looked at.
      route.hub.flushMember(member);
      if (!member.paused.has(channel)) pauseBehind(member);
    }
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
        const tookAll = await this.#catchUpStep(member, channel, at, limit);
        // Entries that it cannot take are not read over and over.
        limit = tookAll ? Math.min(2 * limit, READ_LIMIT) : 1;
      } catch {
        // Redis is away: what waits, waits a little longer.
        await this.#pause();
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
  async #catchUpStep(
    member: Connection,
    channel: string,
    at: PausedPosition,
    limit: number,
  ): Promise<boolean> {
    const { logs, followed, lost } = this.#options;
    const log = followed.get(channel);
    if (log && at.unreportedLoss) {
      member.paused.set(channel, positionIn(at));
      lost(log, at.unreportedLoss, member);
      return true;
    }
    if (!log || !isIn(log, member) || isThere(log, at)) {
      this.#rejoin(member, channel, log);
      return true;
    }
    if (isBeforeAllOf(log, at)) {
      member.paused.set(channel, { ...at, epoch: log.position!.epoch });
      return true;
    }
    const range = { from: at.offset + 1, limit, follows: true };
    const read = await logs.read(channel, range, log.rule);
    const { position } = log;
    const isStillDue = member.isOpen && member.paused.get(channel) === at;
    if (log !== followed.get(channel) || !position || !isStillDue) return true;
    if (isBeforeAllOf(log, at)) return true;
    const apart = apartFrom(log, at);
    const isInDoubt = apart ? apart === 'forked' && log.pendingRead : isOfAnotherBranch(log, read);
    if (isInDoubt) {
      // The cursor has not noticed yet, is on its way back, or the answer is older than what it
      // noticed.
      followed.check(log);
      await this.#pause();
      return true;
    }
    const reason = apart ?? missingIn(read, at, position.offset);
    if (reason) {
      this.#rejoin(member, channel, log);
      lost(log, { reason, last: at, top: position }, member);
      return true;
    }
    return this.#writeDue(member, log, at, dueOf(read, at, position.offset));
  }

  #writeDue(
    member: Connection,
    log: LogConsumer,
    { epoch }: PausedPosition,
    due: readonly LogEntry[],
  ): boolean {
    const last = this.#write(member, log, due);
    if (last) {
      const now = { epoch, offset: last.offset, tag: last.tag };
      member.paused.set(log.channel, now);
      if (isThere(log, now)) this.#rejoin(member, log.channel, log);
    }
    return last === due.at(-1);
  }

  #pause(): Promise<void> {
    return delay(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
  }

  /**
   * The client has all of the log that this turn has for it: that is passed over while the client
   * is still paused.
   */
  #rejoin(member: Connection, channel: string, log: LogConsumer | undefined): void {
    log?.route.hub.flushMember(member);
    member.paused.delete(channel);
  }

  /** Answers with the newest that need not be written any more. */
  #write(member: Connection, log: LogConsumer, entries: readonly LogEntry[]): LogEntry | undefined {
    let last: LogEntry | undefined;
    for (const entry of entries) {
      const envelope = envelopeFor(member, log, entry);
      if (envelope) {
        const position = positionOf(log, log.position!.epoch, entry);
        const frame = new Frame(envelope.payload, envelope.binary, position);
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
  { route }: LogConsumer,
  { bytes }: LogEntry,
): Envelope | undefined {
  const envelope = decodeEnvelope(bytes);
  if (!envelope || envelope.volatile) return undefined;
  const target = envelope.target.length > 0 ? decodeTarget(envelope.target) : undefined;
  return target && !route.hub.matches(member, target) ? undefined : envelope;
}

/** It may have left the room. */
function isIn({ route: { room } }: LogConsumer, member: Connection): boolean {
  return room === undefined || member.rooms.has(room);
}

/**
 * The loss of all members, as it is reported to one: it lacks everything since its own position.
 * @param at where it is paused in the log; undefined: it stands where all do
 */
function unreportedLossOf(
  at: PausedPosition | undefined,
  { reason, last: lastOfAll, top }: Loss,
): Loss {
  const last = at?.unreportedLoss?.last ?? (at ? positionIn(at) : lastOfAll);
  return { reason: last.epoch === top.epoch ? reason : 'new-epoch', last, top };
}

function positionIn({ epoch, offset, tag }: PausedPosition): LogTop {
  return { epoch, offset, tag };
}

/** Where the cursor stands, and has never been beyond. */
function isThere(
  { position, deliveredUpTo }: LogConsumer,
  { epoch, offset, tag }: PausedPosition,
): boolean {
  const isAt = position?.offset === offset && position.tag === tag && position.epoch === epoch;
  return isAt && deliveredUpTo === offset;
}

/**
 * Before all that was sent, by an epoch that lapsed while nothing was: the cursor has gone on to
 * another, and lost nothing.
 */
function isBeforeAllOf({ position }: LogConsumer, { epoch, offset }: PausedPosition): boolean {
  if (!position || offset > 0 || epoch === position.epoch) return false;
  return isSameBeginning(epoch, position.epoch);
}

/**
 * The reason why a client at that position cannot catch up with the cursor; undefined if the cursor
 * is further on in the same log.
 */
function apartFrom(log: LogConsumer, at: PausedPosition): LossReason | undefined {
  const { epoch, offset } = log.position!;
  if (epoch !== at.epoch) return 'new-epoch';
  // Otherwise the messages that the others got beyond that position are gone, or come back and are
  // not delivered again.
  return offset > at.offset || isThere(log, at) ? undefined : 'forked';
}

/** Whether the log is, or was when it was read, not the one that was delivered here. */
function isOfAnotherBranch(log: LogConsumer, { top, entries }: LogRead): boolean {
  const { epoch, offset } = log.position!;
  if (top.epoch !== epoch) return true;
  if (entries.length === 0) return top.offset < offset;
  return entries.some((entry) => entry.offset <= offset && log.hasAnother(entry));
}

/** Undefined if what was read can bring on who stands there, or it needs nothing. */
function missingIn(
  { entries: [first] }: LogRead,
  at: PausedPosition,
  upTo: number,
): LossReason | undefined {
  if (upTo === at.offset) return undefined;
  if (!first || first.offset > at.offset + 1) return 'trimmed';
  return first.previousTag === at.tag ? undefined : 'forked';
}

/** The entries that follow each other up to an offset; a hole behind it is found in its turn. */
function dueOf({ entries }: LogRead, at: PausedPosition, upTo: number): LogEntry[] {
  let { offset, tag } = at;
  const due: LogEntry[] = [];
  for (const entry of entries) {
    if (entry.offset !== offset + 1 || entry.previousTag !== tag) break;
    if (entry.offset > upTo) break;
    due.push(entry);
    ({ offset, tag } = entry);
  }
  return due;
}
