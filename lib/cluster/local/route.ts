import type { Hub } from '../../hub/hub.js';
import type { ChannelRoute } from '../link/subscriptions.js';
import type { Connection } from './connection.js';

/**
 * The recipients that a channel stands for: a room, a user, or, without either, those that each
 * envelope names.
 */
export interface Route extends ChannelRoute {
  readonly hub: Hub<Connection>;
  readonly room?: string;
  readonly user?: string;
  /**
   * By sender: how far the live messages of the channel were delivered. OutcomeCallbacks with the
   * route.
   */
  live?: Map<string, unknown>;
}
