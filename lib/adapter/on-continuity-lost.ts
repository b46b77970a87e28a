import type { ContinuityLoss } from '../cluster/history/continuity.js';
import type { LossReason } from '../cluster/local/connection.js';
import type { BackplaneSocket } from './client/backplane-socket.js';

/**
 * A method that a gateway may implement to hear that messages of a history (the option `history`)
 * were lost for clients of this instance, and could not be repaired: the place to send a snapshot.
 * It is called before anything that follows the loss is written. An error that it throws is logged.
 */
export interface OnContinuityLost {
  /**
   * @param client the one that it is about; undefined: all members on this instance, as
   * `server.local.to(room)` addresses them. Those that did not read (`slowClient: 'pause'`) would
   * miss what is broadcast: each is named by itself when it has read
   * @param room undefined for messages to a user (`loss.userId`), or to the whole hub
   * @param reason `trimmed`: what followed is not kept any more; `new-epoch`: the history began
   * anew, as after a Redis that lost its data; `forked`: a failover lost what had been delivered;
   * `joined-offline`: they joined while Redis was away, and what came between is unknown
   */
  onContinuityLost(
    client: BackplaneSocket | undefined,
    room: string | undefined,
    reason: LossReason,
    loss: ContinuityLoss,
  ): unknown;
}
