import { BackplaneError, ofKind } from './backplane.error.js';
import { quote } from './quote.js';

/** The connection does not exist, or not any more. */
@ofKind('NoSuchConnectionError')
export class NoSuchConnectionError extends BackplaneError {
  readonly code = 'NO_SUCH_CONNECTION';

  constructor(readonly connectionId: string) {
    super(
      `There is no connection ${quote(connectionId)} (any more). Clients get a new id with each connection; ` +
        'to address a user through reconnects, use toUser().',
    );
  }
}
