import { describe } from '../../../errors/quote.js';
import type { LogEntry, LogRead } from '../../../transport/logs.js';
import { booleanCallOption, callOptions } from '../../common/call-options.js';

/** A position in a history: an offset, or an offset with its epoch. */
export type HistoryPosition = number | { readonly epoch: string; readonly offset: number };

export interface HistoryOptions {
  /** Only messages after this position. Default: from the oldest message that is kept. */
  since?: HistoryPosition | null | undefined;
  /**
   * Only messages before this position. With `reverse`, the way to the page before. Default: up to
   * the newest message.
   */
  before?: HistoryPosition | null | undefined;
  /** At most so many messages. Default 100. */
  limit?: number | null | undefined;
  /** Newest first. Default false. */
  reverse?: boolean | null | undefined;
}

/** Which part of a history is wanted: offsets between two others, both excluded. */
export interface HistoryRange {
  readonly after: number;
  /** Infinity: up to the newest. */
  readonly before: number;
  readonly limit: number;
  readonly reverse: boolean;
}

export interface CheckedPosition {
  readonly epoch?: string;
  readonly offset: number;
}

export interface CheckedOptions {
  readonly since: CheckedPosition | undefined;
  readonly before: CheckedPosition | undefined;
  readonly limit: number;
  readonly reverse: boolean;
}

/**
 * A part of what a page says: the entries that are on it, and how they fit to the positions that
 * were named.
 */
export interface PageOf {
  readonly entries: readonly LogEntry[];
  readonly joinsSince: boolean;
  readonly joinsBefore: boolean;
  readonly more: boolean;
}

const DEFAULT_LIMIT = 100;
const OPTIONS: readonly (keyof HistoryOptions)[] = ['since', 'before', 'limit', 'reverse'];

/** @throws TypeError for options that cannot be, and for names that are none */
export function checkedHistoryOptions(
  method: string,
  given: HistoryOptions | null | undefined,
): CheckedOptions {
  const { since, before, limit, reverse } = callOptions(method, given, OPTIONS);
  if (limit != null && !(Number.isSafeInteger(limit) && limit >= 1)) {
    throw new TypeError(
      `The "limit" of ${method} must be a whole number from 1, got ${describe(limit)}.`,
    );
  }
  return {
    since: checkedPosition(method, 'since', since),
    before: checkedPosition(method, 'before', before),
    limit: limit ?? DEFAULT_LIMIT,
    reverse: booleanCallOption(method, 'reverse', reverse),
  };
}

function checkedPosition(
  method: string,
  option: 'since' | 'before',
  given: HistoryPosition | null | undefined,
): CheckedPosition | undefined {
  if (given == null) return undefined;
  const position = typeof given === 'object' ? given : { offset: given, epoch: undefined };
  const { offset, epoch } = position;
  const isOffset = Number.isSafeInteger(offset) && offset >= 0;
  if (isOffset && (epoch === undefined || typeof epoch === 'string'))
    return epoch === undefined ? { offset } : { offset, epoch };
  throw new TypeError(
    `The "${option}" of ${method} must be an offset, or { epoch, offset }, got ${describe(given)}.`,
  );
}

/**
 * The page in what was found: up to one entry beyond the limit, which shows that there are more.
 * A page joins a position if no entry is missing between the two.
 */
export function pageIn({ top, entries: found }: LogRead, range: HistoryRange): PageOf {
  const { after, before, limit, reverse } = range;
  const more = found.length > limit;
  const entries = more ? found.slice(0, limit) : found;
  const newest = Math.min(top.offset, before - 1);
  const [first, last] = [entries[0]?.offset, entries.at(-1)?.offset];
  if (first === undefined || last === undefined) {
    const isAll = newest <= after;
    return { entries, joinsSince: isAll, joinsBefore: isAll, more };
  }
  const [low, high] = reverse ? [last, first] : [first, last];
  return { entries, joinsSince: low === after + 1, joinsBefore: high === newest, more };
}
