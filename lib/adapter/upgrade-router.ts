import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { Deadline } from '../timing/deadline.js';
import { refuseUpgrade } from './http-refusal.js';
import { guardUpgrade } from './upgrade-guard.js';

/** How long another listener on the server has to begin an answer. */
const OTHERS_GRACE_MS = 5_000;

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
    guardUpgrade(socket);
    const path = pathOf(request.url);
    if (path === undefined) return refuseUpgrade(socket, 400);
    const handler = this.#handlers.get(path) ?? this.#fallback;
    if (handler) return handler(request, socket, head);
    if (this.#server.listenerCount('upgrade') === 1) return refuseUpgrade(socket, 404);
    // Somebody else on this server may serve it; if nobody does, it must not hang for ever.
    const deadline = new Deadline(OTHERS_GRACE_MS, () => {
      if ((socket as Socket).bytesWritten === 0) refuseUpgrade(socket, 404);
    });
    socket.once('close', () => deadline.cancel());
  };
}

function pathOf(url: string | undefined): string | undefined {
  try {
    return new URL(url ?? '', 'ws://localhost').pathname;
  } catch {
    return undefined;
  }
}
