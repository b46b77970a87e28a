import type { Audience } from '../../cluster/api/audience.js';
import { WsSocket } from './ws-socket.js';

type Names = readonly (string | readonly string[])[];

/** The audiences of a client: everyone else in its hub, and the parts of that. */
export abstract class BroadcastingSocket<Events extends object> extends WsSocket {
  /** Everyone else. */
  abstract get broadcast(): Audience<Events>;

  to(...rooms: Names): Audience<Events> {
    return this.broadcast.to(...rooms);
  }

  in(...rooms: Names): Audience<Events> {
    return this.broadcast.to(...rooms);
  }

  except(...rooms: Names): Audience<Events> {
    return this.broadcast.except(...rooms);
  }

  toUser(...userIds: Names): Audience<Events> {
    return this.broadcast.toUser(...userIds);
  }

  toConnection(...ids: Names): Audience<Events> {
    return this.broadcast.toConnection(...ids);
  }

  get local(): Audience<Events> {
    return this.broadcast.local;
  }

  get volatile(): Audience<Events> {
    return this.broadcast.volatile;
  }
}
