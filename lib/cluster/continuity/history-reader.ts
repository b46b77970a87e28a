import { BackplaneConfigError } from '../../errors/backplane-config.error.js';
import { describe } from '../../errors/quote.js';
import type { LogEntry, LogRange, LogRead, Logs } from '../../transport/logs.js';
import { assertName } from '../names.js';
import type { ChannelNames } from '../wire/channels.js';
import { decodeEnvelope } from '../wire/envelope.js';
import type { GroupKind, HistoryRule, HistoryRules } from './history-rules.js';

/** Whose history: a room's, a user's, or that of messages to the whole hub. */
export type HistoryOf = string | { readonly user: string } | { readonly all: true };

export interface HistoryOptions {
  /** Only what came after this place: an offset, or one with the epoch that it is of. Default: all that is kept. */
  since?: number | { readonly epoch: string; readonly offset: number };
  /** At most so many messages. Default 100. */
  limit?: number;
  /** Newest first. Default false. */
  reverse?: boolean;
}

/** A message of a history. */
export interface HistoryEntry {
  readonly offset: number;
  /** When Redis took it, in ms since 1970, by Redis's clock. */
  readonly publishedAtMs: number;
  /** Of an event; undefined for what was sent by `send()`. */
  readonly event?: string;
  readonly data?: unknown;
  /** What was given to `send()`. */
  readonly raw?: string | Buffer;
}

/** A part of a history, and where the history stood at that moment. */
export interface HistoryPage {
  readonly epoch: string;
  /** Of the newest message; 0 where there has been none. */
  readonly offset: number;
  readonly entries: readonly HistoryEntry[];
  /** False if messages after `since` are not kept any more, or the history began anew: a snapshot has to take their place. */
  readonly complete: boolean;
  /** There are more, beyond the limit. */
  readonly more: boolean;
}

const DEFAULT_LIMIT = 100;

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
   * @throws (rejects) TypeError for a name or options that cannot be; BackplaneConfigError for a target without a history;
   * BackplaneUnavailableError while Redis is away
   */
  async read(hub: string, of: HistoryOf, options: HistoryOptions = {}): Promise<HistoryPage> {
    const { kind, name } = groupOf(of);
    const rule = this.#ruleFor(kind, name);
    const { since, ...wanted } = checked(options);
    const channel = this.#options.channels.group(hub, kind, name);
    const after = since?.offset ?? 0;
    const read = await this.#collect(channel, rule, { ...wanted, after });
    const isOfAnother =
      since !== undefined &&
      ((since.epoch !== undefined && since.epoch !== read.top.epoch) || after > read.top.offset);
    if (!isOfAnother) return pageOf(read, { ...wanted, after }, since !== undefined);
    // The place is of a history that is no more: all of the present one is new to who asks.
    const all = { ...wanted, after: 0 };
    return { ...pageOf(await this.#collect(channel, rule, all), all, false), complete: false };
  }

  /**
   * In as many reads as it takes: what one answers with is bounded in bytes, too. Begins again where the log has become
   * another between two of them.
   */
  async #collect(channel: string, rule: HistoryRule, wanted: Wanted): Promise<LogRead> {
    const { after, limit, reverse } = wanted;
    const begin = reverse ? undefined : after + 1;
    let entries: LogEntry[] = [];
    let from = begin;
    let epoch: string | undefined;
    for (;;) {
      const rest = { limit: limit - entries.length, reverse };
      const range: LogRange = from === undefined ? rest : { ...rest, from };
      const { top, entries: read } = await this.#options.logs.read(channel, range, rule);
      const isAnother = top.epoch !== (epoch ?? top.epoch) || isFork(entries, read, reverse);
      epoch = top.epoch;
      if (isAnother) {
        entries = [];
        from = begin;
        continue;
      }
      // Trimmed beyond what is had of it: that is not kept any more, either.
      if (!reverse && isHole(entries, read)) entries = [];
      entries.push(...read.filter(({ offset }) => offset > after));
      const last = read.at(-1)?.offset;
      const isEnd = last === undefined || (reverse ? last <= after + 1 : last >= top.offset);
      if (isEnd || entries.length >= limit) return { top, entries };
      from = reverse ? last - 1 : last + 1;
    }
  }

  #ruleFor(kind: GroupKind, name: string): HistoryRule {
    const rule = this.#options.rules.ruleFor(kind, name);
    if (rule) return rule;
    const what = kind === 'all' ? 'The hub' : `The ${kind} "${name}"`;
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

interface Wanted {
  /** The offset before the first that is wanted. */
  readonly after: number;
  readonly limit: number;
  readonly reverse: boolean;
}

interface Since {
  readonly epoch?: string | undefined;
  readonly offset: number;
}

function pageOf({ top, entries }: LogRead, wanted: Wanted, fromAPlace: boolean): HistoryPage {
  const { after, limit, reverse } = wanted;
  const oldest = entries.at(reverse ? -1 : 0)?.offset ?? top.offset + 1;
  const newest = entries.at(reverse ? 0 : -1)?.offset ?? top.offset;
  const isCut = entries.length >= limit && (reverse ? oldest > after + 1 : newest < top.offset);
  const reachesBack = oldest === after + 1 || (reverse && isCut);
  return {
    epoch: top.epoch,
    offset: top.offset,
    entries: entries.map(historyEntryOf),
    complete: !fromAPlace || reachesBack,
    more: isCut,
  };
}

function historyEntryOf({ offset, publishedAtMs, bytes }: LogEntry): HistoryEntry {
  const place = { offset, publishedAtMs };
  const envelope = decodeEnvelope(bytes);
  if (!envelope) return { ...place, raw: bytes };
  const { binary, payload } = envelope;
  if (binary) return { ...place, raw: payload };
  const text = payload.toString('utf8');
  return { ...place, ...(eventIn(text) ?? { raw: text }) };
}

/** Undefined for text that is no event, as `send` may have sent it. */
function eventIn(text: string): { event: string; data?: unknown } | undefined {
  try {
    const { event, data } = JSON.parse(text) as { event?: unknown; data?: unknown };
    return typeof event === 'string' ? { event, data } : undefined;
  } catch {
    return undefined;
  }
}

function groupOf(of: HistoryOf): { kind: GroupKind; name: string } {
  if (typeof of !== 'object' || of === null) {
    assertName('room', of);
    return { kind: 'room', name: of };
  }
  if ('user' in of) {
    assertName('user id', of.user);
    return { kind: 'user', name: of.user };
  }
  if (of.all) return { kind: 'all', name: '' };
  throw new TypeError('history() takes a room, { user: id } or { all: true }.');
}

function checked(options: HistoryOptions): Omit<Wanted, 'after'> & { since: Since | undefined } {
  const { since, limit = DEFAULT_LIMIT, reverse = false } = options;
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new TypeError(`The "limit" of history() must be a whole number from 1, got ${limit}.`);
  const place = typeof since === 'number' ? { offset: since } : since;
  if (place && !(Number.isSafeInteger(place.offset) && place.offset >= 0)) {
    throw new TypeError(
      `The "since" of history() must be an offset, or { epoch, offset }, got ${describe(since)}.`,
    );
  }
  return { since: place, limit, reverse: Boolean(reverse) };
}
