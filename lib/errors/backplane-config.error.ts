import { BackplaneError, ofKind } from './backplane.error.js';

/**
 * An option, or a gateway's declaration, that cannot work. Thrown at boot; never holds a secret's
 * value.
 */
@ofKind('BackplaneConfigError')
export class BackplaneConfigError extends BackplaneError {
  readonly code = 'BACKPLANE_CONFIG';
}
