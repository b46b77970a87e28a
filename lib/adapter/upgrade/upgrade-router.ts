import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { Deadline } from '../../timing/deadline.js';
import { refuseUpgrade } from './http-refusal.js';
import type { ForeignClients } from './foreign-clients.js';
import { guardUpgrade } from './upgrade-guard.js';
import { handOverToRequests, wantsWebSocket } from './upgrade-handover.js';
import { keyOfDeclared, keyOfRequest, normalisePath } from './upgrade-path.js';

/** How long another listener on the server has to begin an answer. */
const OTHERS_GRACE_MS = 5_000;

/** Takes the upgrade requests of one path. Never throws. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/**
 * Brings the upgrade requests of one HTTP server to the endpoints on it, by exact path (see
 * `upgrade-path.ts`).
 */
export class UpgradeRouter {
  readonly #server: HttpServer;
  readonly #foreignClients: ForeignClients;
  /** As the gateways write them. */
  readonly #paths: string[] = [];
  readonly #handlers = new Map<string, UpgradeHandler>();
  #fallback: UpgradeHandler | undefined;

  constructor(server: HttpServer, foreignClients: ForeignClients) {
    this.#server = server;
    this.#foreignClients = foreignClients;
    server.on('upgrade', this.#onUpgrade);
  }

  /** @param path undefined: any path that has no handler of its own */
  add(path: string | undefined, handler: UpgradeHandler): void {
    if (path === undefined) {
      this.#fallback = handler;
      return;
    }
    this.#handlers.set(keyOfDeclared(path), handler);
    this.#paths.push(normalisePath(path));
  }

  /** Leaves the server as it was found. */
  close(): void {
    this.#server.off('upgrade', this.#onUpgrade);
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    guardUpgrade(socket);
    if (!wantsWebSocket(request)) {
      if (this.#hasCompany) this.#leaveToOthers(request, socket, 404);
      else handOverToRequests(this.#server, request, socket, head);
      return;
    }
    const key = keyOfRequest(request.url);
    const handler = (key === undefined ? undefined : this.#handlers.get(key)) ?? this.#fallback;
    if (handler) {
      this.#foreignClients.noteAdmitted(request);
      return handler(request, socket, head);
    }
    const status = key === undefined ? 400 : 404;
    if (this.#hasCompany) this.#leaveToOthers(request, socket, status);
    else this.#refuse(request, socket, status);
  };

  #refuse(request: IncomingMessage, socket: Duplex, status: 400 | 404): void {
    if (wantsWebSocket(request)) this.#foreignClients.refused(request, status, this.#paths);
    refuseUpgrade(socket, status);
  }

  get #hasCompany(): boolean {
    return this.#server.listenerCount('upgrade') > 1;
  }

  /** Somebody else on this server may serve it; if nobody does, it must not hang for ever. */
  #leaveToOthers(request: IncomingMessage, socket: Duplex, status: 400 | 404): void {
    // Earlier requests on the connection may have been answered.
    const written = (socket as Socket).bytesWritten;
    const deadline = new Deadline(OTHERS_GRACE_MS, () => {
      if ((socket as Socket).bytesWritten === written) this.#refuse(request, socket, status);
    });
    socket.once('close', () => deadline.cancel());
  }
}
