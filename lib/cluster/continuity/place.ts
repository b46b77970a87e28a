import type { FramePlace } from '../../hub/frame.js';
import type { LogEntry } from '../../transport/logs.js';
import type { FollowedLog } from './followed-log.js';

/** Where an entry stands, as its frame says it. */
export function placeOf(
  { channel, label }: FollowedLog,
  epoch: string,
  { offset, previousTag }: LogEntry,
): FramePlace {
  return {
    log: channel,
    epoch,
    offset,
    previousTag,
    of: label,
  };
}
