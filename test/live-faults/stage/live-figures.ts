import type { LiveRun } from '../verdict/records.js';
import type { LiveProcess } from './live-process.js';
import type { LiveCounted } from './protocol.js';

/** What a schedule brought. */
export interface LiveFigures {
  readonly sent: number;
  readonly delivered: number;
  readonly connections: number;
  /** Sums over the instances that told them. */
  readonly resent: number;
  readonly recovered: number;
  readonly repeated: number;
  readonly unsent: number;
  readonly lostBroadcasts: number;
  readonly interruptions: number;
  /** Copies that did not come, for a reason. */
  readonly missed: number;
  /** The longest way of a message from its sender to a client. */
  readonly latestMs: number;
  /** Until nothing was missing any more, when the faults were over and all was written. */
  readonly settledMs: number;
}

export function liveFiguresOf(
  { sent, visits, lives }: LiveRun,
  processes: readonly LiveProcess[],
  missed: number,
  settledMs: number,
): LiveFigures {
  const got = visits.flatMap((visit) => visit.got.filter(({ kind }) => kind === 'message'));
  const sum = (name: keyof LiveCounted): number =>
    processes.reduce((total, { counted }) => total + (counted?.[name] ?? 0), 0);
  return {
    sent: sent.length,
    delivered: got.length,
    connections: visits.length,
    resent: sum('resent'),
    recovered: sum('recovered'),
    repeated: sum('repeated'),
    unsent: sum('unsent'),
    lostBroadcasts: sum('lostBroadcasts'),
    interruptions: lives.reduce((total, { interruptions }) => total + interruptions.length, 0),
    missed,
    latestMs: got.reduce((latest, { at, sentAt }) => Math.max(latest, at - sentAt), 0),
    settledMs: Math.round(settledMs),
  };
}
