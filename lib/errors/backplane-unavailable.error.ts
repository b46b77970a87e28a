import { BackplaneError, ofKind } from './backplane.error.js';

/**
 * Redis did not take what was asked of it: it is away, refused it, or did not answer in time. After
 * a time-out the message may still leave, so a caller that tries again may send it twice.
 */
@ofKind('BackplaneUnavailableError')
export class BackplaneUnavailableError extends BackplaneError {
  readonly code = 'BACKPLANE_UNAVAILABLE';
}
