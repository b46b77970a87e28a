import type { Instances } from '../membership/instances.js';
import type { Hearers, PendingRequest } from './pending-request.js';

/** Stands for other instances of which nothing is known here. */
export const ANY_INSTANCE = '*';

/** How well this instance knew the others when it asked them. */
export interface MembershipView {
  stale: boolean;
  complete: boolean;
}

/**
 * These others are to answer. One that may have died, and did not answer lately, is not waited for.
 */
export function expectAnswers(
  instances: Pick<Instances, 'isStale' | 'isComplete' | 'isSilent'>,
  pending: PendingRequest,
  ids: readonly string[],
  view: MembershipView,
  besides: Hearers = {},
): void {
  view.stale = instances.isStale;
  view.complete = instances.isComplete;
  pending.expectOthers(ids, besides);
  for (const id of ids) if (instances.isSilent(id)) pending.fail(id, 'REQUEST_TIMEOUT');
}
