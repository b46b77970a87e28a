import { BackplaneError, ofKind } from './backplane.error.js';

/** The backplane was closed (the app shut down) before or while it was asked. */
@ofKind('BackplaneClosedError')
export class BackplaneClosedError extends BackplaneError {
  readonly code = 'BACKPLANE_CLOSED';

  constructor() {
    super(
      'The backplane is closed: the app has shut down, and nothing can be sent or awaited any more.',
    );
  }
}
