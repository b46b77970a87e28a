import type { Redis } from 'ioredis';

/** As Redis knows a connection. Both together name no other one, on whatever server. */
interface Connection {
  readonly id: string;
  readonly address: string;
}

const ID = /(?:^| )id=(\d+)/;
const ADDRESS = /(?:^| )addr=(\S+)/;

/**
 * Ends what Redis still has of the connection before. A Redis that stood still has not read all that was sent to it: that would take
 * effect after what is sent over the new connection. Where Redis does not permit it (`CLIENT INFO` is there since 6.2), nothing is done.
 */
export class FormerConnection {
  readonly #client: Redis;
  #current: Connection | undefined;

  constructor(client: Redis) {
    this.#client = client;
  }

  /** The client has a new connection, over which nothing was sent yet. */
  replace(): void {
    const former = this.#current;
    this.#current = undefined;
    if (former) {
      const { id, address } = former;
      this.#client.call('CLIENT', 'KILL', 'ID', id, 'ADDR', address).catch(() => {});
    }
    const { stream } = this.#client;
    this.#client.call('CLIENT', 'INFO').then(
      (info) => {
        if (this.#client.stream === stream) this.#current = connectionIn(String(info));
      },
      () => {},
    );
  }
}

function connectionIn(info: string): Connection | undefined {
  const [id, address] = [ID.exec(info)?.[1], ADDRESS.exec(info)?.[1]];
  return id !== undefined && address !== undefined ? { id, address } : undefined;
}
