import { quote, quoteAll } from '../../errors/quote.js';
import { type Target, targetOfGroup } from '../../hub/target.js';
import { instanceOf } from '../wire/instance-id.js';
import type { Identity } from '../membership/identity.js';
import type { InstanceRecord } from '../membership/instance-record.js';
import type { BackplaneLogger } from '../common/logger.js';
import { OnceLog } from '../common/once-log.js';
import type { LocalHubs } from '../local/local-hubs.js';

export interface UnreachedNamesOptions {
  readonly identity: Identity;
  readonly hubs: Pick<LocalHubs, 'get' | 'listening'>;
  /** Hubs whose server events this instance hears. */
  readonly listens: () => readonly string[];
  /** The other instances. */
  readonly known: () => readonly InstanceRecord[];
  readonly logger: BackplaneLogger;
}

/** Of longer lists, only so many names are checked. */
const MAX_LOOKED_AT = 16;

/**
 * Logs names in calls that reach nobody, each once. Without it such a mistake is silent, since a
 * room may be empty.
 */
export class UnreachedNames {
  readonly #options: UnreachedNamesOptions;
  readonly #once: OnceLog;
  /** Hubs that another instance has been seen to serve: they are not looked up again. */
  readonly #served = new Set<string>();

  constructor(options: UnreachedNamesOptions) {
    this.#options = options;
    this.#once = new OnceLog(options.logger);
  }

  /** For clients of the hub. */
  look(hub: string, target: Target): void {
    const { hubs, known } = this.#options;
    if (!hubs.get(hub) && !this.#served.has(hub)) {
      const isServed = this.#lookAtHub(hub, () => known().flatMap((record) => record.hubs));
      if (isServed) this.#served.add(hub);
    }
    const { rooms, exceptRooms, connections, exceptConnections } = target;
    if (rooms.length > 0) this.#lookAtRooms(hub, rooms, 'toConnection');
    if (exceptRooms.length > 0) this.#lookAtRooms(hub, exceptRooms, 'exceptConnection');
    if (connections.length > 0) this.#lookAtConnections(connections);
    if (exceptConnections.length > 0) this.#lookAtConnections(exceptConnections);
  }

  /** For the instances that listen to server events of the hub. */
  lookAtServers(hub: string): void {
    const { hubs, known, listens } = this.#options;
    if (hubs.get(hub)) return;
    this.#lookAtHub(hub, () => [
      ...listens(),
      ...known().flatMap((record) => [...record.hubs, ...record.listens]),
    ]);
  }

  /**
   * It is not served here. Before anything is known of hubs, as at boot, nothing is logged. True if
   * another instance serves it.
   */
  #lookAtHub(hub: string, others: () => readonly string[]): boolean {
    if (this.#once.knows('hub', hub)) return false;
    const names = new Set([...this.#options.hubs.listening(), ...others()]);
    if (names.has(hub)) return true;
    if (names.size === 0) return false;
    this.#once.debug('hub', hub, () => {
      const near = [...names].find((name) => coreOf(name) === coreOf(hub));
      const fix = near === undefined ? '' : ` Write hub(${quote(near)}).`;
      return `No known instance serves the hub ${quote(hub)}. These hubs are served: ${quoteAll([...names])}.${fix}`;
    });
    return false;
  }

  #lookAtRooms(hub: string, rooms: readonly string[], instead: string): void {
    for (let i = 0; i < rooms.length && i < MAX_LOOKED_AT; i++) {
      const room = rooms[i]!;
      const instanceId = instanceOf(room);
      if (instanceId === undefined || !this.#isInstance(instanceId)) continue;
      const served = this.#options.hubs.get(hub);
      // An app may have a room of that name for itself.
      if (served && served.select(targetOfGroup({ room })).length > 0) continue;
      this.#once.debug(
        'room',
        room,
        () =>
          `The room ${quote(room)} has the name of a connection. A connection is only in rooms that it joined. Write ${instead}(id).`,
      );
    }
  }

  #lookAtConnections(ids: readonly string[]): void {
    for (let i = 0; i < ids.length && i < MAX_LOOKED_AT; i++) {
      const id = ids[i]!;
      if (instanceOf(id) !== undefined) continue;
      this.#once.debug(
        'connection',
        id,
        () =>
          `${quote(id)} is not the id of a connection, so it reaches nobody. Use client.id; for a room write to(room), for a user toUser(id).`,
      );
    }
  }

  #isInstance(id: string): boolean {
    const { identity, known } = this.#options;
    return (
      identity.isOwn(id) || known().some((record) => record.id === id || record.former.includes(id))
    );
  }
}

/**
 * The name without slashes at its ends and without upper case: the same for similar names of one
 * hub.
 */
function coreOf(name: string): string {
  return name.replace(/^\/+|\/+$/g, '').toLowerCase();
}
