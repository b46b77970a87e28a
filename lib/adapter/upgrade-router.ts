import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';

import { refuseUpgrade } from './http-refusal.js';

/** Takes the upgrade requests of one path. Never throws. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Brings the upgrade requests of one HTTP server to the endpoints on it, by exact path. */
export class UpgradeRouter {
  readonly #server: HttpServer;
  readonly #handlers = new Map<string, UpgradeHandler>();
  #fallback: UpgradeHandler | undefined;

  constructor(server: HttpServer) {
    this.#server = server;
    server.on('upgrade', this.#onUpgrade);
  }

  /** @param path undefined: any path that has no handler of its own */
  add(path: string | undefined, handler: UpgradeHandler): void {
    if (path === undefined) this.#fallback = handler;
    else this.#handlers.set(path, handler);
  }

  /** Leaves the server as it was found. */
  close(): void {
    this.#server.off('upgrade', this.#onUpgrade);
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Node takes its own listener off at the upgrade; an error without one would end the process.
    socket.on('error', () => socket.destroy());
    const path = pathOf(request.url);
    if (path === undefined) return refuseUpgrade(socket, 400);
    const handler = this.#handlers.get(path) ?? this.#fallback;
    if (handler) return handler(request, socket, head);
    // Somebody else on this server may serve it.
    if (this.#server.listenerCount('upgrade') === 1) refuseUpgrade(socket, 404);
  };
}

function pathOf(url: string | undefined): string | undefined {
  try {
    return new URL(url ?? '', 'ws://localhost').pathname;
  } catch {
    return undefined;
  }
}
