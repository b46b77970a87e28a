import { ofKind } from './backplane.error.js';
import { BackplaneUnavailableError } from './backplane-unavailable.error.js';

/**
 * Redis answered with a refusal: out of memory, no right, a key of another type. Trying again does
 * not help until that is fixed.
 */
@ofKind('BackplaneRefusedError')
export class BackplaneRefusedError extends BackplaneUnavailableError {}
