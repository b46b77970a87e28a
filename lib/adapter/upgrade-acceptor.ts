import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import {
  type ServerOptions,
  type VerifyClientCallbackAsync,
  type VerifyClientCallbackSync,
  type WebSocket,
  WebSocketServer,
} from 'ws';

import type { ServedHub } from '../cluster/served-hub.js';
import type { ThrottledLog } from '../cluster/throttled-log.js';
import type { BackplaneUser } from './adapter.options.js';
import type { Admission } from './admission.js';
import type { BackplaneSocket } from './backplane-socket.js';
import { refuseUpgrade } from './http-refusal.js';
import { endUpgradeGuard } from './upgrade-guard.js';

const INTERNAL_ERROR_CODE = 1011;

export interface UpgradeAcceptorParts {
  /** Of the `ws` server. */
  readonly wsOptions: ServerOptions;
  readonly admission: Admission;
  readonly hub: Pick<ServedHub<BackplaneSocket>, 'enterUser' | 'leaveUser' | 'subscribed'>;
  readonly log: ThrottledLog;
  readonly isClosing: () => boolean;
  readonly connect: (
    raw: WebSocket,
    stream: Duplex,
    request: IncomingMessage,
    user: BackplaneUser | undefined,
  ) => void;
}

/** Of an upgrade request that is under way. */
interface Arrival {
  readonly socket: Duplex;
  user: BackplaneUser | undefined;
}

type VerifyInfo = Parameters<VerifyClientCallbackAsync>[0];
type VerifyDone = Parameters<VerifyClientCallbackAsync>[1];
type MaybeAsync<F extends (...args: never[]) => boolean> = (
  ...args: Parameters<F>
) => boolean | Promise<boolean>;

/**
 * From an upgrade request to a WebSocket. `ws` checks the handshake, and answers one that is none. Only then, through its
 * `verifyClient`, is the app's authenticator asked, and then the `verifyClient` of the gateway.
 */
export class UpgradeAcceptor {
  readonly ws: WebSocketServer;
  readonly #parts: UpgradeAcceptorParts;
  readonly #arrivals = new WeakMap<IncomingMessage, Arrival>();

  constructor(parts: UpgradeAcceptorParts) {
    this.#parts = parts;
    const verifyClient: VerifyClientCallbackAsync = (info, done) => this.#verify(info, done);
    this.ws = new WebSocketServer({
      ...parts.wsOptions,
      verifyClient,
      noServer: true,
      // What closes waits for them.
      clientTracking: true,
    });
  }

  /** Never throws. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#parts.isClosing()) return refuseUpgrade(socket, 503);
    const arrival: Arrival = { socket, user: undefined };
    this.#arrivals.set(request, arrival);
    try {
      this.ws.handleUpgrade(request, socket, head, (raw) => this.#connect(raw, request, arrival));
    } catch (error) {
      this.#failed(socket, error);
    }
  }

  #verify(info: VerifyInfo, done: VerifyDone): void {
    const arrival = this.#arrivals.get(info.req)!;
    this.#admit(info.req, arrival)
      .then((admitted) => (admitted ? this.#askGateway(info, done) : undefined))
      .catch((error: unknown) => this.#failed(arrival.socket, error));
  }

  /** @returns false if it was answered, or nobody is left to answer */
  async #admit(request: IncomingMessage, arrival: Arrival): Promise<boolean> {
    const { admission, hub, isClosing } = this.#parts;
    const { socket } = arrival;
    const verdict = await admission.judge(request);
    if (!verdict.admitted) {
      refuseUpgrade(socket, verdict.status);
      return false;
    }
    if (socket.destroyed) return false;
    if (verdict.user) {
      arrival.user = verdict.user;
      const { id } = verdict.user;
      const subscribed = hub.enterUser(id);
      // However the connection ends, before or after the upgrade, it ends with this.
      socket.once('close', () => hub.leaveUser(id));
      await subscribed;
    }
    await hub.subscribed;
    if (!isClosing()) return true;
    refuseUpgrade(socket, 503);
    return false;
  }

  /** One that is async by mistake counts as what it resolves with, not as true. */
  async #askGateway(info: VerifyInfo, done: VerifyDone): Promise<void> {
    const { verifyClient } = this.#parts.wsOptions;
    if (!verifyClient) done(true);
    else if (verifyClient.length === 2) verifyClient(info, done);
    else done(await (verifyClient as MaybeAsync<VerifyClientCallbackSync>)(info));
  }

  #connect(raw: WebSocket, request: IncomingMessage, { socket, user }: Arrival): void {
    endUpgradeGuard(socket);
    try {
      this.#parts.connect(raw, socket, request, user);
    } catch (error) {
      // It is a WebSocket by now: an answer in HTTP would be garbage to it.
      this.#parts.log.error('connection', 'A connection failed', error);
      raw.close(INTERNAL_ERROR_CODE, 'internal error');
    }
  }

  #failed(socket: Duplex, error: unknown): void {
    this.#parts.log.error('upgrade', 'An upgrade failed', error);
    refuseUpgrade(socket, 500);
  }
}
