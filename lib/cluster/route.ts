import type { Hub } from '../hub/hub.js';
import type { Connection } from './connection.js';

/** The recipients that a channel stands for: a room, a user, or, without either, those that each envelope names. */
export interface Route {
  readonly hub: Hub<Connection>;
  readonly room?: string;
  readonly user?: string;
  /** Since when the channel is heard, as `performance.now()`; undefined until Redis has confirmed it. */
  heardSince?: number;
  /** By sender: how far the live messages of the channel were delivered. Ends with the route. */
  live?: Map<string, unknown>;
}
