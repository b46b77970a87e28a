import { BackplaneConfigError } from '../../../errors/backplane-config.error.js';
import { quote } from '../../../errors/quote.js';
import { isSameBeginning } from '../../../transport/log-epoch.js';
import type { LogEntry, LogRange, LogRead, Logs, LogTop } from '../../../transport/logs.js';
import { isTextDeeperThan, outlineOf, SAFE_DEPTH } from '../../common/json.js';
import { assertName } from '../../common/names.js';
import type { ChannelNames } from '../../wire/channels.js';
import { decodeEnvelope } from '../../wire/envelope.js';
import {
  type CheckedPosition,
  checkedHistoryOptions,
  type HistoryOptions,
  type HistoryRange,
  pageIn,
  type PageOf,
} from './history-page.js';
import type { GroupKind } from '../../../hub/target.js';
import type { HistoryRule, HistoryRules } from '../../common/history-rules.js';

/** The owner of a history: a room, a user, or the whole hub, which has no name. */
export interface HistoryOwner {
  readonly kind: GroupKind;
  readonly name: string;
}

/** The name of the method that reads it, for messages. */
const METHODS: Readonly<Record<GroupKind, string>> = {
  room: 'history()',
  user: 'userHistory()',
  all: 'hubHistory()',
};

/** A message of a history. */
export interface HistoryEntry {
  readonly offset: number;
  /** When Redis took it, in ms since 1970, by Redis's clock. */
  readonly publishedAtMs: number;
  /** Of an event; undefined for what was sent by `send()`. */
  readonly event?: string;
  readonly data?: unknown;
  /**
   * The argument of `send()`. Of an event whose data nests deeper than 1,000 levels: the text of
   * the message, instead of `data`, so that any entry can be part of an answer.
   */
  readonly raw?: string | Buffer;
}

/** A part of a history, and where the history stood at that moment. */
export interface HistoryPage {
  readonly epoch: string;
  /** Of the newest message; 0 where there has been none. */
  readonly offset: number;
  readonly entries: readonly HistoryEntry[];
  /**
   * False if messages that follow `since`, or that precede `before`, are not kept any more, or the
   * history began anew: a snapshot has to take their place.
   */
  readonly complete: boolean;
  /**
   * There are more in this direction, beyond the limit. False where older ones existed and are not
   * kept any more.
   */
  readonly more: boolean;
}

export interface HistoryReaderOptions {
  readonly logs: Pick<Logs, 'read'>;
  readonly rules: HistoryRules;
  readonly channels: ChannelNames;
}

/** Reads histories for the app. */
export class HistoryReader {
  readonly #options: HistoryReaderOptions;

  constructor(options: HistoryReaderOptions) {
    this.#options = options;
  }

  /**
   * @throws (rejects) TypeError for a name or options that cannot be; BackplaneConfigError for a
   * target without a history; BackplaneUnavailableError while Redis is away
   */
  async read(
    hub: string,
    owner: HistoryOwner,
    given?: HistoryOptions | null,
  ): Promise<HistoryPage> {
    const { kind, name } = owner;
    assertOwner(owner);
    const { since, before, limit, reverse } = checkedHistoryOptions(METHODS[kind], given);
    const rule = this.#ruleFor(kind, name);
    const log: Log = { channel: this.#options.channels.group(hub, kind, name), rule };
    const range: HistoryRange = {
      after: since?.offset ?? 0,
      before: before?.offset ?? Infinity,
      limit,
      reverse,
    };
    const read = await this.#collect(log, range);
    // A position in a history that is gone. Nothing before it is left; all of the present one is
    // new to who was at "since".
    if (before && isOfAnother(before, read.top, 1))
      return toPage(read.top, { entries: [], more: false }, false);
    if (since && isOfAnother(since, read.top, 0)) {
      const all = { ...range, after: 0 };
      const anew = await this.#collect(log, all);
      return toPage(anew.top, pageIn(anew, all), false);
    }
    const page = pageIn(read, range);
    const isComplete =
      (!since || (await this.#joinsSince(log, range, read.top, page))) &&
      (!before || page.joinsBefore || (page.more && !reverse));
    return toPage(read.top, page, isComplete);
  }

  /** Where there are more entries towards "since", the next of them may be kept no longer. */
  async #joinsSince(
    { channel, rule }: Log,
    { after, reverse }: HistoryRange,
    { epoch }: LogTop,
    { joinsSince, more }: PageOf,
  ): Promise<boolean> {
    if (joinsSince || !more || !reverse) return joinsSince;
    const oldest = await this.#options.logs.read(channel, { from: after + 1, limit: 1 }, rule);
    return oldest.top.epoch === epoch && oldest.entries[0]?.offset === after + 1;
  }

  /**
   * Up to one entry more than the limit, in as many reads as it takes: what one answers with is
   * bounded in bytes, too. Begins again where the log has become another between two of them.
   */
  async #collect({ channel, rule }: Log, range: HistoryRange): Promise<LogRead> {
    const { after, before, reverse } = range;
    const most = before <= after + 1 ? 0 : range.limit + 1;
    const begin = reverse ? highestBelow(before) : after + 1;
    let entries: LogEntry[] = [];
    let from = begin;
    let epoch: string | undefined;
    for (;;) {
      const rest = { limit: most - entries.length, reverse };
      const logRange: LogRange = from === undefined ? rest : { ...rest, from };
      const { top, entries: read } = await this.#options.logs.read(channel, logRange, rule);
      const isAnother = top.epoch !== (epoch ?? top.epoch) || isFork(entries, read, reverse);
      epoch = top.epoch;
      if (isAnother) {
        entries = [];
        from = begin;
        continue;
      }
      // Trimmed beyond what is had of it: that is not kept any more, either.
      if (!reverse && isHole(entries, read)) entries = [];
      for (const entry of read)
        if (entry.offset > after && entry.offset < before) entries.push(entry);
      const last = read.at(-1)?.offset;
      const isEnd =
        last === undefined ||
        (reverse ? last <= after + 1 : last >= Math.min(top.offset, before - 1));
      if (isEnd || entries.length >= most) return { top, entries };
      from = reverse ? last - 1 : last + 1;
    }
  }

  #ruleFor(kind: GroupKind, name: string): HistoryRule {
    const rule = this.#options.rules.ruleFor(kind, name);
    if (rule) return rule;
    const what = kind === 'all' ? 'The hub' : `The ${kind} ${quote(name)}`;
    throw new BackplaneConfigError(
      `${what} has no history: no rule of the option "history" is for it. Add one, such as { rooms: 'orders:*', size: 200, ttlMs: 300_000 }.`,
    );
  }
}

/** Whether two reads are of two branches of a log: neighbours that do not know each other. */
function isFork(have: readonly LogEntry[], read: readonly LogEntry[], reverse: boolean): boolean {
  const [before, after] = reverse ? [read[0], have.at(-1)] : [have.at(-1), read[0]];
  if (!before || !after || after.offset !== before.offset + 1) return false;
  return after.previousTag !== before.tag;
}

function isHole(have: readonly LogEntry[], read: readonly LogEntry[]): boolean {
  const [before, after] = [have.at(-1), read[0]];
  return before !== undefined && after !== undefined && after.offset > before.offset + 1;
}

interface Log {
  readonly channel: string;
  readonly rule: HistoryRule;
}

/** Undefined for the end of the log. */
function highestBelow(offset: number): number | undefined {
  return offset === Infinity ? undefined : Math.max(offset - 1, 0);
}

/**
 * The position before all messages may be known by an epoch that lapsed while nothing was sent.
 * @param beyond how far a position in this history may be beyond its newest message
 */
function isOfAnother(position: CheckedPosition, top: LogTop, beyond: number): boolean {
  const { epoch = top.epoch, offset } = position;
  if (epoch === top.epoch) return offset > top.offset + beyond;
  return offset > 0 || !isSameBeginning(epoch, top.epoch);
}

function toPage(
  { epoch, offset }: LogTop,
  { entries, more }: Pick<PageOf, 'entries' | 'more'>,
  complete: boolean,
): HistoryPage {
  return { epoch, offset, entries: entries.map(historyEntryOf), complete, more };
}

function historyEntryOf({ offset, publishedAtMs, bytes }: LogEntry): HistoryEntry {
  const position = { offset, publishedAtMs };
  const envelope = decodeEnvelope(bytes);
  if (!envelope) return { ...position, raw: bytes };
  const { binary, payload } = envelope;
  if (binary) return { ...position, raw: payload };
  const text = payload.toString('utf8');
  return { ...position, ...(eventIn(text) ?? { raw: text }) };
}

/** Undefined for text that is no event, as `send` may have sent it. */
function eventIn(text: string): { event: string; data?: unknown; raw?: string } | undefined {
  const isDeep = isTextDeeperThan(text, SAFE_DEPTH);
  try {
    const { event, data } = JSON.parse(isDeep ? outlineOf(text) : text) as {
      event?: unknown;
      data?: unknown;
    };
    if (typeof event !== 'string') return undefined;
    return isDeep ? { event, raw: text } : { event, data };
  } catch {
    return undefined;
  }
}

/** In JavaScript a name may be anything: what is no string must not choose another's history. */
function assertOwner({ kind, name }: HistoryOwner): void {
  if (kind === 'all') return;
  if (kind === 'room' && typeof name === 'object') {
    throw new TypeError(
      'history() takes a room, a string. For a user write userHistory(id), for the whole hub hubHistory().',
    );
  }
  assertName(kind === 'room' ? 'room' : 'user id', name);
}
