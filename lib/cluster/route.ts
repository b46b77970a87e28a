import type { Hub } from '../hub/hub.js';
import type { Connection } from './connection.js';

/** Whom a channel stands for: a room, a user, or, with neither, whoever the message itself names. */
export interface Route {
  readonly hub: Hub<Connection>;
  readonly room?: string;
  readonly user?: string;
}
