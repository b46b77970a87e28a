import type { Need } from '../../transport.js';
import type { CheckedCommand } from './check.js';

/** The keys and the channel that a check stays within. */
export interface CheckPlace {
  readonly log: string;
  readonly meta: string;
  readonly once: string;
  readonly leases: string;
  readonly channel: string;
}

/** Refused for what they are by every server that would carry them out: they change nothing. */
export const CHANGES_NOTHING = /wrong number of arg|must be greater than 0-0/i;

/**
 * All that the script of each need uses, on keys that nobody else has. First what Redis refuses when it is out of memory: once a
 * script has written, it lets everything pass.
 */
export function checkedCommands(
  need: Need,
  { log, meta, once, leases, channel }: CheckPlace,
): readonly CheckedCommand[] {
  const look: CheckedCommand[] = [
    ['HSET', meta, 'e', '', 's'],
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
        ['TIME'],
        ['PUBLISH', channel, ''],
      ];
    case 'compare':
      return look;
    case 'read':
      return [...look, ['XRANGE', log, '-', '+'], ['XREVRANGE', log, '+', '-']];
    case 'leases':
      return [
        ['ZADD', leases, 'XX', '0', ''],
        ['HSET', leases, '', '', ''],
        ['TIME'],
        ['ZRANGEBYSCORE', leases, '0', '0'],
        ['ZREM', leases, ''],
        ['HDEL', leases, ''],
        ['ZSCORE', leases, ''],
        ['PTTL', leases],
        ['PEXPIRE', leases, '1'],
        ['ZRANGE', leases, '0', '0'],
        ['HGET', leases, ''],
      ];
  }
}
