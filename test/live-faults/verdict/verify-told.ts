import type { LiveViolation } from './live-violation.js';
import type { Life, Sent } from './records.js';
import type { Missed } from './verify-stream.js';
import { clock } from './verify-stream.js';

/** What of one instance was missed by the clients of another, for a reason. */
export interface MissedOfPair {
  readonly sender: Life;
  readonly receiver: Life;
  readonly missed: readonly Missed[];
}

/**
 * What is lost is counted where it can be known, and said where it cannot be excluded: by the
 * sender, as what did not leave, or by the receiver.
 */
export function verifyTold(pairs: readonly MissedOfPair[], sent: readonly Sent[]): LiveViolation[] {
  return pairs.flatMap(({ sender, receiver, missed }) => {
    const isTold =
      unsentOf(sender, sent) > 0 ||
      (receiver.counted?.lostBroadcasts ?? 0) > 0 ||
      receiver.interruptions.length > 0;
    if (isTold) return [];
    // One that has ended told nobody; who got something later of it knows all the same.
    const hasEnded = sender.endedAt !== undefined || receiver.endedAt !== undefined;
    const due = missed.filter(({ isInside }) => isInside || !hasEnded);
    if (due.length === 0 || receiver.counted === undefined) return [];
    const { target, sequence, sentAt } = due[0]!.sent;
    const detail = `${due.length} of ${sender.name} are lost, the first is ${sequence} of ${clock(sentAt)}`;
    return [{ kind: 'untold', target, who: `${sender.name} to ${receiver.name}`, detail }];
  });
}

/** In a schedule in which nothing can be lost, there is nothing to tell. */
export function verifyUntroubled(lives: readonly Life[], sent: readonly Sent[]): LiveViolation[] {
  return lives.flatMap(({ name, counted, interruptions }): LiveViolation[] => {
    const { unsent = 0, lostBroadcasts = 0 } = counted ?? {};
    if (unsentOf({ name, counted }, sent) + lostBroadcasts + interruptions.length === 0) return [];
    const told = interruptions.slice(0, 2).map((one) => JSON.stringify(one));
    const detail = `unsent ${unsent}, lostBroadcasts ${lostBroadcasts}, ${interruptions.length} interruptions ${told.join(' ')}`;
    return [{ kind: 'told-in-vain', target: '', who: name, detail }];
  });
}

/**
 * How many messages did not leave, at least, but for volatile ones and events between servers:
 * those do not wait.
 */
function unsentOf(
  { name, counted }: Pick<Life, 'name' | 'counted'>,
  sent: readonly Sent[],
): number {
  let impatient = 0;
  for (const { sender, volatile, hasServerEvent = false } of sent)
    if (sender === name) impatient += Number(volatile) + Number(hasServerEvent);
  return Math.max(0, (counted?.unsent ?? 0) - impatient);
}
