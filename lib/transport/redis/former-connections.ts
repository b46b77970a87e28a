import type { Redis } from 'ioredis';

/** As Redis knows a connection. Both together name no other one, on whatever server. */
interface Connection {
  readonly id: string;
  readonly address: string;
}

const ID = /(?:^| )id=(\d+)/;
const ADDRESS = /(?:^| )addr=(\S+)/;

/** So many are remembered, the newest. */
const MAX_FORMER = 16;

/**
 * OutcomeCallbacks what Redis still has of the connections before. A Redis that stood still has not
 * read all that was sent to it: that would take effect after what is sent over the new connection.
 * Where Redis does not permit it (`CLIENT INFO` is there since 6.2), nothing is done.
 *
 * Invariant: a connection whose id is known is remembered until Redis has answered the `CLIENT
 * KILL` for it. The connection that asks may itself be lost before that.
 */
export class FormerConnections {
  readonly #client: Redis;
  #current: Connection | undefined;
  readonly #former = new Set<Connection>();

  constructor(client: Redis) {
    this.#client = client;
  }

  /** The client has a new connection, over which nothing was sent yet. */
  replace(): void {
    if (this.#current) this.#remember(this.#current);
    this.#current = undefined;
    const { stream } = this.#client;
    for (const former of this.#former) this.#end(former);
    this.#client.call('CLIENT', 'INFO').then(
      (info) => {
        if (this.#client.stream === stream) this.#current = connectionIn(String(info));
      },
      () => {},
    );
  }

  #remember(connection: Connection): void {
    this.#former.add(connection);
    const [oldest] = this.#former;
    if (this.#former.size > MAX_FORMER) this.#former.delete(oldest!);
  }

  #end(former: Connection): void {
    const { id, address } = former;
    this.#client.call('CLIENT', 'KILL', 'ID', id, 'ADDR', address).then(
      () => this.#former.delete(former),
      (error: Error) => {
        // Redis refuses it, and would do so again.
        if (error.name === 'ReplyError') this.#former.delete(former);
      },
    );
  }
}

function connectionIn(info: string): Connection | undefined {
  const [id, address] = [ID.exec(info)?.[1], ADDRESS.exec(info)?.[1]];
  return id !== undefined && address !== undefined ? { id, address } : undefined;
}
