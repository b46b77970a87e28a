import type { Server as HttpServer } from 'node:http';
import type { ListenOptions } from 'node:net';

import { createUpgradeOnlyServer } from './upgrade/upgrade-only-server.js';
import type { Endpoint } from './endpoint.js';
import type { ForeignClients } from './upgrade/foreign-clients.js';
import { keyOfDeclared } from './upgrade/upgrade-path.js';
import { UpgradeRouter } from './upgrade/upgrade-router.js';

export type ListenAt = Pick<ListenOptions, 'host' | 'backlog'>;

/**
 * The endpoints on the app's HTTP server, on several servers that the app gave, or on a server that
 * only gateways use.
 */
export class HttpListener {
  /** The first of the servers. */
  readonly http: HttpServer;
  readonly where: ListenAt;
  readonly #owned: boolean;
  readonly #servers: readonly HttpServer[];
  readonly #routers: readonly UpgradeRouter[];
  readonly #unwatches: readonly (() => void)[];
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #onError = (error: Error): void => {
    for (const endpoint of this.#endpoints.values()) endpoint.noteError(error);
  };
  readonly #onListening = (): void => {
    for (const { server } of this.#endpoints.values()) server.notify('listening');
  };

  private constructor(
    servers: readonly HttpServer[],
    foreignClients: ForeignClients,
    owned: boolean,
    where: ListenAt = {},
  ) {
    this.http = servers[0]!;
    this.#servers = servers;
    this.#owned = owned;
    this.where = where;
    this.#routers = servers.map((server) => new UpgradeRouter(server, foreignClients));
    this.#unwatches = servers.map((server) => foreignClients.watch(server));
    for (const server of servers) {
      if (owned) server.on('error', this.#onError);
      server.on('listening', this.#onListening);
    }
  }

  static of(servers: readonly HttpServer[], foreignClients: ForeignClients): HttpListener {
    return new HttpListener(servers, foreignClients, false);
  }

  /** Listens at once. @param where `host` and `backlog`, as of `net.Server.listen` */
  static listen(port: number, where: ListenAt, foreignClients: ForeignClients): HttpListener {
    const opened = new HttpListener([createUpgradeOnlyServer()], foreignClients, true, where);
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
    for (const router of this.#routers)
      router.add(path, (request, socket, head) => endpoint.accept(request, socket, head));
    return endpoint;
  }

  /**
   * Called when the app has closed the server of an endpoint. A port of our own stops listening
   * when all of them are closed.
   */
  serverClosed(): void {
    const isUnused = [...this.#endpoints.values()].every(({ isClosedByApp }) => isClosedByApp);
    if (this.#owned && isUnused) this.http.close();
  }

  /** Closes the server if it is ours, else leaves it as it was found. */
  async close(): Promise<void> {
    for (const router of this.#routers) router.close();
    for (const unwatch of this.#unwatches) unwatch();
    for (const server of this.#servers) server.off('listening', this.#onListening);
    if (!this.#owned) return;
    await new Promise<void>((resolve) => {
      this.http.close(() => resolve());
      this.http.closeAllConnections();
    });
    this.http.off('error', this.#onError);
  }
}
