import type { Hub } from '../hub/hub.js';

/** Whom a channel stands for: a room, a user, or, with neither, whoever the message itself names. */
export interface Route {
  readonly hub: Hub;
  readonly room?: string;
  readonly user?: string;
}
