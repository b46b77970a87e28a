import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import {
  type ServerOptions,
  type VerifyClientCallbackAsync,
  type VerifyClientCallbackSync,
  type WebSocket,
  WebSocketServer,
} from 'ws';

import type { LocalHub } from '../../cluster/local/local-hub.js';
import type { ThrottledLog } from '../../cluster/common/throttled-log.js';
import { withDeadline } from '../../timing/deadline.js';
import type { BackplaneUser } from '../options/adapter.options.js';
import type { Admission } from './admission.js';
import { refuseUpgrade } from './http-refusal.js';
import { endUpgradeGuard } from './upgrade-guard.js';
import { SocketClosed, whileOpen } from './while-open.js';
import { CloseCode } from '../write/close-codes.js';

export interface UpgradeAcceptorParts {
  /** Of the `ws` server. */
  readonly wsOptions: ServerOptions;
  readonly admission: Admission;
  readonly hub: Pick<LocalHub, 'enterUser' | 'leaveUser' | 'subscribed'>;
  readonly log: ThrottledLog;
  /** How long the gateway's `verifyClient` may take. */
  readonly timeoutMs: number;
  readonly isClosing: () => boolean;
  readonly connect: (
    raw: WebSocket,
    stream: Duplex,
    request: IncomingMessage,
    user: BackplaneUser | undefined,
  ) => void;
}

class TooLate extends Error {}

/** Of an upgrade request that is under way. */
interface PendingUpgrade {
  readonly socket: Duplex;
  user: BackplaneUser | undefined;
}

type VerifyInfo = Parameters<VerifyClientCallbackAsync>[0];
type VerifyDone = Parameters<VerifyClientCallbackAsync>[1];
type VerifyAnswer = Parameters<VerifyDone>;
type MaybeAsync<F extends (...args: never[]) => boolean> = (
  ...args: Parameters<F>
) => boolean | Promise<boolean>;

/**
 * From an upgrade request to a WebSocket. `ws` checks the handshake, and answers one that is none.
 * Only then, through its `verifyClient`, is the app's authenticator asked, and then the
 * `verifyClient` of the gateway.
 */
export class UpgradeAcceptor {
  readonly ws: WebSocketServer;
  readonly #parts: UpgradeAcceptorParts;
  readonly #pending = new WeakMap<IncomingMessage, PendingUpgrade>();
  /** Of upgrades that are being judged. */
  readonly #judged = new Set<Duplex>();

  constructor(parts: UpgradeAcceptorParts) {
    this.#parts = parts;
    const verifyClient: VerifyClientCallbackAsync = (info, done) => this.#verify(info, done);
    this.ws = new WebSocketServer({
      ...parts.wsOptions,
      verifyClient,
      noServer: true,
      // A close waits for them.
      clientTracking: true,
    });
  }

  /** Never throws. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#parts.isClosing()) return refuseUpgrade(socket, 503);
    const upgrade: PendingUpgrade = { socket, user: undefined };
    this.#pending.set(request, upgrade);
    try {
      this.ws.handleUpgrade(request, socket, head, (raw) => this.#connect(raw, request, upgrade));
    } catch (error) {
      this.#failed(socket, error);
    }
  }

  #verify(info: VerifyInfo, done: VerifyDone): void {
    const upgrade = this.#pending.get(info.req)!;
    const { socket } = upgrade;
    this.#judged.add(socket);
    this.#admit(info.req, upgrade)
      .then((admitted) => (admitted ? this.#askGateway(info, socket, done) : undefined))
      .catch((error: unknown) => this.#failed(socket, error))
      .finally(() => this.#judged.delete(socket));
  }

  /** Refuses for now those that are being judged: nobody waits for what the app makes of them. */
  close(): void {
    for (const socket of this.#judged) refuseUpgrade(socket, 503);
  }

  /** @returns false if it was answered, or nobody is left to answer */
  async #admit(request: IncomingMessage, upgrade: PendingUpgrade): Promise<boolean> {
    const { admission, hub, isClosing } = this.#parts;
    const { socket } = upgrade;
    const verdict = await admission.check(request, socket);
    if (!verdict.admitted) {
      refuseUpgrade(socket, verdict.status);
      return false;
    }
    if (socket.destroyed) return false;
    if (verdict.user) {
      upgrade.user = verdict.user;
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
  async #askGateway(info: VerifyInfo, socket: Duplex, done: VerifyDone): Promise<void> {
    const { timeoutMs, wsOptions } = this.#parts;
    const { verifyClient } = wsOptions;
    if (!verifyClient) return done(true);
    const asked =
      verifyClient.length === 2
        ? new Promise<VerifyAnswer>((resolve) => {
            verifyClient(info, (...answer: VerifyAnswer) => resolve(answer));
          })
        : this.#askOnce(verifyClient as MaybeAsync<VerifyClientCallbackSync>, info);
    const late = (): Error => new TooLate(`verifyClient did not answer within ${timeoutMs} ms.`);
    done(...(await withDeadline(whileOpen(socket, asked), timeoutMs, late)));
  }

  async #askOnce(
    verifyClient: MaybeAsync<VerifyClientCallbackSync>,
    info: VerifyInfo,
  ): Promise<VerifyAnswer> {
    return [await verifyClient(info)];
  }

  #connect(raw: WebSocket, request: IncomingMessage, { socket, user }: PendingUpgrade): void {
    endUpgradeGuard(socket);
    try {
      this.#parts.connect(raw, socket, request, user);
    } catch (error) {
      // It is a WebSocket by now: an answer in HTTP would be garbage to it.
      this.#parts.log.error('connection', 'A connection failed', error);
      raw.close(CloseCode.internalError, 'internal error');
    }
  }

  #failed(socket: Duplex, error: unknown): void {
    if (error instanceof SocketClosed) return;
    if (error instanceof TooLate) {
      this.#parts.log.warn('verify-client-late', error.message);
      return refuseUpgrade(socket, 503);
    }
    this.#parts.log.error('upgrade', 'An upgrade failed', error);
    refuseUpgrade(socket, 500);
  }
}
