import type { Run } from '../verdict/verify-run.js';
import type { Finished } from './instance-process.js';

/** What a schedule brought. */
export interface Figures {
  readonly accepted: number;
  readonly delivered: number;
  readonly acknowledged: number;
  /** Losses that members were told. */
  readonly lost: number;
  /** Sums over the instances that lived to the end. */
  readonly gaps: number;
  readonly repaired: number;
  readonly repeated: number;
  readonly unsent: number;
  readonly pauses: number;
  readonly memberships: number;
  /** Until nothing was missing any more, when the faults were over and all was written. */
  readonly settledMs: number;
}

export function figuresOf(run: Run, finished: readonly Finished[], settledMs: number): Figures {
  const received = run.memberships.flatMap((membership) => membership.received);
  const lost = received.filter(({ kind }) => kind === 'lost').length;
  const sum = (name: 'gaps' | 'repaired' | 'repeated' | 'unsent' | 'pauses'): number =>
    finished.reduce((total, { stats }) => total + stats[name], 0);
  return {
    accepted: run.chapters.reduce(
      (total, { recorded }) => total + recorded.filter(({ kind }) => kind === 'append').length,
      0,
    ),
    delivered: received.length - lost,
    acknowledged: run.acknowledgements.length,
    lost,
    gaps: sum('gaps'),
    repaired: sum('repaired'),
    repeated: sum('repeated'),
    unsent: sum('unsent'),
    pauses: sum('pauses'),
    memberships: run.memberships.length,
    settledMs: Math.round(settledMs),
  };
}
