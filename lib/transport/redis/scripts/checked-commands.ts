import type { Need } from '../../transport.js';
import type { CheckedCommand } from './check.js';

/** The needs that a script serves. */
export type ScriptNeed = Exclude<Need, 'replicate' | 'identify'>;

/** The keys and the channel that a check stays within. */
export interface CheckKeys {
  readonly log: string;
  readonly meta: string;
  readonly once: string;
  /** As those of leases, and of the name of the data. */
  readonly own: string;
  readonly channel: string;
}

/** Refused for what they are by every server that would carry them out: they change nothing. */
export const CHANGES_NOTHING = /wrong number of arg|must be greater than 0-0/i;

/**
 * All that the script of each need uses, on keys that nobody else has. First what Redis refuses
 * when it is out of memory: once a script has written, it lets everything pass.
 */
export function checkedCommands(
  need: ScriptNeed,
  { log, meta, once, own, channel }: CheckKeys,
): readonly CheckedCommand[] {
  const look: CheckedCommand[] = [
    ['SET', own, '', 'XX', 'PX', '1'],
    ['HSET', meta, 'e', '', 's'],
    ['GET', own],
    ['TIME'],
    ['HMGET', meta, 'e', 's', 't'],
    ['EXISTS', log],
    ['DEL', log],
    ['PTTL', meta],
    ['PEXPIRE', log, '1'],
  ];
  switch (need) {
    case 'append':
      return [
        ['SET', once, '', 'XX', 'PX', '1'],
        ['XADD', log, '0-0', 'f', ''],
        ...look,
        ['GET', once],
        ['PUBLISH', channel, ''],
      ];
    case 'compare':
      return look;
    case 'read':
      return [...look, ['XRANGE', log, '-', '+'], ['XREVRANGE', log, '+', '-']];
    case 'leases':
      return [
        ['ZADD', own, 'XX', '0', ''],
        ['HSET', own, '', '', ''],
        ['TIME'],
        ['ZRANGEBYSCORE', own, '0', '0'],
        ['ZREM', own, ''],
        ['ZREMRANGEBYSCORE', own, '0', '0'],
        ['HDEL', own, ''],
        ['ZSCORE', own, ''],
        ['PTTL', own],
        ['PEXPIRE', own, '1'],
        ['ZRANGE', own, '0', '0'],
        ['HGET', own, ''],
      ];
  }
}
