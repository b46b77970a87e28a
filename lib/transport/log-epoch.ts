/** Of an epoch, in this order; `LOG_NAME_BYTES` together. */
export const DATA_NAME_LENGTH = 3;
const TIME_LENGTH = 2;
const RANDOM_AT = DATA_NAME_LENGTH + TIME_LENGTH;
const RANDOM_LENGTH = 3;

export const EPOCH_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BASE = EPOCH_DIGITS.length;
export const HALF_DAYS = BASE ** TIME_LENGTH;
export const HALF_DAY_MS = 12 * 60 * 60 * 1_000;

/** The random part of an epoch that is answered and stored nowhere. */
export const NOT_STORED = '---';

/**
 * An epoch: the data that the other side has, when the epoch began (in half days, on the other
 * side's clock), and something random. The first two say what is lost between two epochs: see
 * {@link isSameBeginning}.
 *
 * @param data names the data: another name once the other side has lost its data
 * @param random as long as an epoch; its end is used
 */
export function epochOf(data: string, atMs: number, random: string): string {
  const halfDay = Math.floor(atMs / HALF_DAY_MS) % HALF_DAYS;
  const [high, low] = [Math.floor(halfDay / BASE), halfDay % BASE];
  return data + EPOCH_DIGITS[high]! + EPOCH_DIGITS[low]! + random.slice(-RANDOM_LENGTH);
}

/**
 * Whether the beginnings of a log's two epochs are the same place: nothing that was sent to it lies
 * between them.
 *
 * A log to which nothing was sent loses its epoch soon ({@link EMPTY_TTL_MS}). One to which
 * something was sent keeps it for a day at least, so within a day no epoch that had entries can
 * have come and gone, unless the other side lost its data.
 *
 * @param earlier of a place where nothing had been sent: the epoch that was stored or answered then
 * @param later an epoch of the log, of the same time or later
 */
export function isSameBeginning(earlier: string, later: string): boolean {
  if (earlier === later) return true;
  if (earlier.slice(0, DATA_NAME_LENGTH) !== later.slice(0, DATA_NAME_LENGTH)) return false;
  const halfDays = (halfDayOf(later) - halfDayOf(earlier) + HALF_DAYS) % HALF_DAYS;
  return halfDays <= 1;
}

/** Whether two epochs of the same data began in the same half day. */
export function isOfSameTime(one: string, other: string): boolean {
  return one.slice(0, RANDOM_AT) === other.slice(0, RANDOM_AT);
}

/** NaN for what is no epoch. */
function halfDayOf(epoch: string): number {
  const [high, low] = [3, 4].map((at) => EPOCH_DIGITS.indexOf(epoch[at] ?? ' '));
  return high! < 0 || low! < 0 ? NaN : high! * BASE + low!;
}

/** How long a log to which nothing was sent keeps its epoch without a look of a follower. */
export const EMPTY_TTL_MS = 300_000;
