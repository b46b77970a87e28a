/**
 * The names under which an app's traffic travels: `{eventKey}:kind:hub:name`.
 *
 * Braces make the event key the hash tag on Redis Cluster. Key and hub are escaped and the name,
 * which may hold anything, stands last: no name can forge another's channel. They are subscribed to
 * literally, never as patterns.
 */
export class ChannelNames {
  readonly #prefixes: readonly string[];

  constructor(eventKeys: readonly string[]) {
    // In one order on all instances, however each of them lists its keys.
    this.#prefixes = [...new Set(eventKeys)].sort().map((key) => `{${escape(key)}}:`);
  }

  all(hub: string): string {
    return this.#name(`all:${escape(hub)}`);
  }

  room(hub: string, room: string): string {
    return this.#name(`room:${escape(hub)}:${room}`);
  }

  user(hub: string, userId: string): string {
    return this.#name(`user:${escape(hub)}:${userId}`);
  }

  /** Of everyone in the hub, a room, or a user: those that may have a history. */
  group(hub: string, kind: 'all' | 'room' | 'user', name: string): string {
    return kind === 'all' ? this.all(hub) : this[kind](hub, name);
  }

  /** Messages to single connections of one instance. */
  instance(hub: string, instanceId: string): string {
    return this.#name(`instance:${escape(hub)}:${instanceId}`);
  }

  /** For messages of an instance to itself through Redis, to know that the way is open. */
  probe(instanceId: string): string {
    return this.#name(`probe::${instanceId}`);
  }

  /** Requests to one instance, and the answers to its own. */
  direct(instanceId: string): string {
    return this.#name(`direct::${instanceId}`);
  }

  /** For the instances that listen to a hub's server events. */
  server(hub: string): string {
    return this.#name(`server:${escape(hub)}`);
  }

  /** For announcements of instances that join and leave. */
  cluster(): string {
    return this.#name('cluster');
  }

  /** One channel of each event key, to name all that have it. */
  ofEachKey(): string[] {
    return this.#prefixes.map((prefix) => `${prefix}all`);
  }

  /** Of each event key, one that nobody uses: where it is tried out what Redis permits. */
  checks(): string[] {
    return this.#prefixes.map((prefix) => `${prefix}check`);
  }

  /** The key of the instances' leases. */
  leases(): string {
    return this.#name('leases');
  }

  #name(rest: string): string {
    const { length } = this.#prefixes;
    return this.#prefixes[length === 1 ? 0 : hash(rest) % length]! + rest;
  }
}

const SPECIAL = /[%:{}]/;

function escape(part: string): string {
  if (!SPECIAL.test(part)) return part;
  return part.replace(
    /[%:{}]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** FNV-1a, 32 bits, over UTF-16 units: stable across processes and versions. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return value >>> 0;
}
