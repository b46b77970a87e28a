import { BackplaneError, ofKind } from './backplane.error.js';

/** Not all that were asked answered before the deadline. */
@ofKind('RequestTimeoutError')
export class RequestTimeoutError extends BackplaneError {
  readonly code = 'REQUEST_TIMEOUT';

  /**
   * @param who was asked and did not answer
   * @param partial what had come by then, where there is something
   * @param missing what had not, and why
   */
  constructor(
    who: string,
    readonly partial?: unknown,
    readonly missing: readonly unknown[] = [],
  ) {
    super(
      `No answer in time from ${who}. Give more time with timeout(ms), or look at what keeps it busy.`,
    );
  }
}
