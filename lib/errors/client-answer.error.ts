import { BackplaneError, ofKind } from './backplane.error.js';

/** The client answered with an error, `{"id":…,"error":…}`. */
@ofKind('ClientAnswerError')
export class ClientAnswerError extends BackplaneError {
  readonly code = 'CLIENT_ANSWER';

  /** @param error what the client sent: not to be trusted */
  constructor(readonly error: unknown) {
    super('The client answered with an error; see the property "error".');
  }
}
