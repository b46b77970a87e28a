import { ofKind } from './backplane.error.js';
import { BackplaneUnavailableError } from './backplane-unavailable.error.js';

/**
 * The message is in its room's history, and its members get it, but no replica has confirmed it in
 * time: a failover may lose it. To publish it again with the same `id` waits for a replica once
 * more, and sends nothing twice.
 */
@ofKind('BackplaneNotReplicatedError')
export class BackplaneNotReplicatedError extends BackplaneUnavailableError {}
