import { BackplaneError, ofKind } from './backplane.error.js';
import { quote } from './quote.js';

/** The client's connection closed before it answered. */
@ofKind('ConnectionClosedError')
export class ConnectionClosedError extends BackplaneError {
  readonly code = 'CONNECTION_CLOSED';

  constructor(readonly connectionId: string) {
    super(
      `The connection ${quote(connectionId)} closed before an answer came. Whether it read the question is not known.`,
    );
  }
}
