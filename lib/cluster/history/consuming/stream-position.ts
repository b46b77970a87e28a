import type { StreamPosition } from '../../../hub/frame.js';
import type { LogEntry } from '../../../transport/logs.js';
import type { LogConsumer } from './log-consumer.js';

/** Where an entry stands, as its frame says it. */
export function positionOf(
  { channel, label }: LogConsumer,
  epoch: string,
  { offset, previousTag }: LogEntry,
): StreamPosition {
  return {
    log: channel,
    epoch,
    offset,
    previousTag,
    of: label,
  };
}
