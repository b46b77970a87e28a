import type { Server as HttpServer } from 'node:http';
import type { ListenOptions } from 'node:net';

import { createOwnPortServer } from './own-port.js';
import type { Endpoint } from './endpoint.js';
import type { Strangers } from './strangers.js';
import { keyOfDeclared } from './upgrade-path.js';
import { UpgradeRouter } from './upgrade-router.js';

export type ListenAt = Pick<ListenOptions, 'host' | 'backlog'>;

/** One HTTP server and the endpoints on it: the app's, or one that gateways have for themselves. */
export class Port {
  readonly http: HttpServer;
  readonly where: ListenAt;
  readonly #owned: boolean;
  readonly #router: UpgradeRouter;
  readonly #unwatch: () => void;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #onError = (error: Error): void => {
    for (const endpoint of this.#endpoints.values()) endpoint.noteError(error);
  };
  readonly #onListening = (): void => {
    for (const { server } of this.#endpoints.values()) server.notify('listening');
  };

  private constructor(
    http: HttpServer,
    strangers: Strangers,
    owned: boolean,
    where: ListenAt = {},
  ) {
    this.http = http;
    this.#owned = owned;
    this.where = where;
    this.#router = new UpgradeRouter(http, strangers);
    this.#unwatch = strangers.watch(http);
    if (owned) http.on('error', this.#onError);
    http.on('listening', this.#onListening);
  }

  static of(http: HttpServer, strangers: Strangers): Port {
    return new Port(http, strangers, false);
  }

  /** Listens at once. @param where `host` and `backlog`, as of `net.Server.listen` */
  static listen(port: number, where: ListenAt, strangers: Strangers): Port {
    const opened = new Port(createOwnPortServer(), strangers, true, where);
    opened.http.listen({ port, ...where });
    return opened;
  }

  /** @param path undefined: any path that no other endpoint has */
  endpoint(path: string | undefined, make: () => Endpoint): Endpoint {
    const key = path === undefined ? '*' : keyOfDeclared(path);
    const present = this.#endpoints.get(key);
    if (present) return present;
    const endpoint = make();
    this.#endpoints.set(key, endpoint);
    this.#router.add(path, (request, socket, head) => endpoint.accept(request, socket, head));
    return endpoint;
  }

  /** Closes the server if it is ours, else leaves it as it was found. */
  async close(): Promise<void> {
    this.#router.close();
    this.#unwatch();
    this.http.off('listening', this.#onListening);
    if (!this.#owned) return;
    await new Promise<void>((resolve) => {
      this.http.close(() => resolve());
      this.http.closeAllConnections();
    });
    this.http.off('error', this.#onError);
  }
}
