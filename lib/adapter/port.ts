import type { Server as HttpServer } from 'node:http';

import { createOwnPortServer } from './own-port.js';
import type { Endpoint } from './endpoint.js';
import { UpgradeRouter } from './upgrade-router.js';

/** One HTTP server and the endpoints on it: the app's, or one that gateways have for themselves. */
export class Port {
  readonly http: HttpServer;
  readonly #owned: boolean;
  readonly #router: UpgradeRouter;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #onError = (error: Error): void => {
    for (const endpoint of this.#endpoints.values()) endpoint.noteError(error);
  };
  readonly #onListening = (): void => {
    for (const { server } of this.#endpoints.values()) server.notify('listening');
  };

  private constructor(http: HttpServer, owned: boolean) {
    this.http = http;
    this.#owned = owned;
    this.#router = new UpgradeRouter(http);
    if (owned) http.on('error', this.#onError);
    http.on('listening', this.#onListening);
  }

  static of(http: HttpServer): Port {
    return new Port(http, false);
  }

  /** Listens at once. */
  static listen(port: number): Port {
    const opened = new Port(createOwnPortServer(), true);
    opened.http.listen(port);
    return opened;
  }

  /** @param path undefined: any path that no other endpoint has */
  endpoint(path: string | undefined, make: () => Endpoint): Endpoint {
    const key = path ?? '*';
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
    this.http.off('listening', this.#onListening);
    if (!this.#owned) return;
    await new Promise<void>((resolve) => {
      this.http.close(() => resolve());
      this.http.closeAllConnections();
    });
    this.http.off('error', this.#onError);
  }
}
