import { BackplaneUnavailableError } from './backplane-unavailable.error.js';

/**
 * Redis answered, and said no: out of memory, no right, a key of another type. Trying again does not help until that is mended.
 * Or the message could only have come behind later ones of the same target: the error says so, and it may be sent again.
 */
export class BackplaneRefusedError extends BackplaneUnavailableError {}
