import type { LogRead } from '../../../transport/logs.js';
import type { DeliveredWindow } from './delivered-window.js';

/**
 * The newest offset at which the log has, or is known to have had, what was delivered. Below the
 * newest that was delivered: the log has forked, or lost its end. Undefined: none that is
 * remembered.
 */
export function lastCommonOffset(
  { top, entries }: LogRead,
  delivered: DeliveredWindow,
): number | undefined {
  if (delivered.has(top)) return top.offset;
  const newest = entries.findLast((entry) => delivered.has(entry));
  if (newest) return newest.offset;
  const first = entries[0];
  if (first && delivered.at(first.offset - 1) === first.previousTag) return first.offset - 1;
  return undefined;
}

/**
 * Whether a read from further back may find a common past where this one did not: the log is not
 * trimmed up to here.
 */
export function mayReachFurtherBack({ top, entries }: LogRead, from: number): boolean {
  return top.offset < from || entries[0]?.offset === from;
}

/**
 * Whether a log without a common past has another entry where the newest delivered was, not just
 * none any more.
 */
export function hasForked({ top, entries }: LogRead, delivered: DeliveredWindow): boolean {
  const first = entries[0]?.offset ?? Infinity;
  return top.offset <= delivered.newest || first <= delivered.newest + 1;
}
