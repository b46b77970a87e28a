import { BackplaneRefusedError } from '../../errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import { isRefusal } from './redis-misconfiguration.js';
import { unansweredReason } from './unanswered-reason.js';

// Answers that pass by themselves. Up to Redis 6 they stand within the message about the script
// that met them.
const PASSING = /(?:^|: -)(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|BUSY)\b/;

/**
 * The words for an append. Only of an append does it matter that it may have been carried out all
 * the same.
 */
export const APPEND = 'append the message';

/** Whether the server that answered is a replica, such as a master that was demoted. */
export function isReadOnly(error: Error): boolean {
  return PASSING.exec(error.message)?.[1] === 'READONLY';
}

/** Whether Redis refused, and will refuse until somebody fixes the cause. */
export function isFinalRefusal(error: Error): boolean {
  return isRefusal(error) && !PASSING.test(error.message);
}

/**
 * The error that a call on a log rejects with.
 * @param notDone what Redis did not do, as {@link APPEND}
 */
export function logFailure(notDone: string, error: Error): BackplaneUnavailableError {
  const reason = unansweredReason(error);
  if (isFinalRefusal(error)) {
    return new BackplaneRefusedError(
      `Redis refused to ${notDone}: ${reason}. Trying again does not help until that is fixed.`,
      { cause: error },
    );
  }
  const again = notDone === APPEND ? ', with the same id' : '';
  return new BackplaneUnavailableError(
    `Redis did not ${notDone}, or did not say so: ${reason}. Try again when it is back${again}.`,
    { cause: error },
  );
}
