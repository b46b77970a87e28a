import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import type { RawData, ServerOptions, WebSocket } from 'ws';

import type { Backplane } from '../cluster/backplane.js';
import type { HubPublisher } from '../cluster/api/hub-audience.js';
import type { ContinuityLoss } from '../cluster/history/continuity.js';
import type { LocalHub } from '../cluster/local/local-hub.js';
import type { ThrottledLog } from '../cluster/common/throttled-log.js';
import { messageOf } from '../errors/quote.js';
import { targetOfGroup } from '../hub/target.js';
import { Deadline } from '../timing/deadline.js';
import type { AdapterOptions, BackplaneUser } from './options/adapter.options.js';
import { Admission } from './upgrade/admission.js';
import { BackplaneServer } from './backplane-server.js';
import { BackplaneSocket } from './client/backplane-socket.js';
import { ClientSession, type ClientSessionContext } from './client/client-session.js';
import { DisconnectHooks } from './client/disconnect-hooks.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import { FrameWriter, type FrameWriterOptions } from './write/frame-writer.js';
import type { ContinuityHook } from './gateway-hooks.js';
import { Handshake } from './upgrade/handshake.js';
import type { Heartbeat } from './client/heartbeat.js';
import { StringPool } from './upgrade/string-pool.js';
import { SharedDeflate, shareableDeflate } from './write/shared-deflate.js';
import { UpgradeAcceptor } from './upgrade/upgrade-acceptor.js';
import { CloseCode } from './write/close-codes.js';

/** How long clients get to answer the close frame, and handlers of `handleDisconnect` to end. */
const CLOSE_GRACE_MS = 2_000;
const FORCED_CLOSE_GRACE_MS = 100;
const DISCONNECT_HOOKS_GRACE_MS = 5_000;

export interface EndpointParts {
  readonly hub: string;
  readonly path: string;
  readonly wsOptions: ServerOptions;
  readonly options: AdapterOptions;
  readonly backplane: Backplane;
  readonly log: ThrottledLog;
  readonly dispatcher: Dispatcher;
  readonly heartbeat: Heartbeat | undefined;
  readonly writing: Omit<FrameWriterOptions, 'deflate' | 'onPaused'>;
  /** How many request-scoped gateways each new client is going to be shown to. */
  readonly scopedHooks: () => number;
  /** The gateways here that want to know of losses. */
  readonly continuityHooks: () => readonly ContinuityHook[];
  readonly address: () => AddressInfo | string | null;
  /** Called when the app has closed the server. */
  readonly onServerClosed: () => void;
}

/** Of a client's `ws` socket. */
interface SocketListeners {
  readonly error: (error: Error) => void;
  readonly message: (this: WebSocket, data: RawData, binary: boolean) => void;
  readonly close: (this: WebSocket, code: number, reason: Buffer) => void;
}

type ConnectCallback = (client: BackplaneSocket, request: IncomingMessage) => void;

/** One path on one port: takes its upgrades, and leads each client from arrival to end. */
export class Endpoint {
  readonly server: BackplaneServer;
  readonly #parts: EndpointParts;
  readonly #writing: FrameWriterOptions;
  readonly #ws: UpgradeAcceptor['ws'];
  readonly #hub: LocalHub<BackplaneSocket>;
  readonly #publisher: HubPublisher;
  readonly #acceptor: UpgradeAcceptor;
  readonly #sessions = new Map<WebSocket, ClientSession>();
  readonly #sessionContext: ClientSessionContext;
  readonly #connectCallbacks: ConnectCallback[] = [];
  readonly #offContinuityLost: () => void;
  readonly #strings = new StringPool();
  readonly #listeners = this.#makeListeners();
  #closing: Promise<void> | undefined;
  #toldClosed = false;
  #isClosedByApp = false;

  constructor(parts: EndpointParts) {
    const { backplane, hub, options } = parts;
    this.#parts = parts;
    this.#hub = backplane.serve<BackplaneSocket>(hub);
    const deflate = shareableDeflate(
      parts.wsOptions.perMessageDeflate ?? options.perMessageDeflate,
    );
    this.#writing = {
      ...parts.writing,
      deflate: deflate ? new SharedDeflate(deflate) : undefined,
      onPaused: (raw) => this.#catchUp(raw),
    };
    this.#acceptor = new UpgradeAcceptor({
      wsOptions: {
        maxPayload: options.maxPayloadBytes,
        ...parts.wsOptions,
        perMessageDeflate: deflate,
      },
      admission: new Admission(options, parts.log),
      hub: this.#hub,
      log: parts.log,
      timeoutMs: options.authenticateTimeoutMs,
      isClosing: () => this.#closing !== undefined,
      connect: (raw, stream, request, user) => this.#connect(raw, stream, request, user),
    });
    this.#ws = this.#acceptor.ws;
    this.#ws.on('error', (error) => this.noteError(error));
    this.#ws.once('close', () => {
      if (!this.#closing) this.#tellClosed();
    });
    this.#sessionContext = {
      dispatcher: parts.dispatcher,
      log: parts.log,
      maxRooms: options.limits.rooms,
      connectionTimeoutMs: options.connectionTimeoutMs,
      disconnectHooks: new DisconnectHooks(parts.log, options.connectionTimeoutMs),
      entering: new Set(),
    };
    parts.heartbeat?.watch({ [Symbol.iterator]: () => this.#sessions.values() });
    this.#publisher = backplane.publisherOf(hub);
    this.server = this.#makeServer();
    this.#offContinuityLost = backplane.on('continuityLost', (loss) => {
      if (loss.hub === hub) this.#tellOfLoss(loss);
    });
  }

  /** Whether the app has closed {@link server}: it accepts no more clients. */
  get isClosedByApp(): boolean {
    return this.#isClosedByApp;
  }

  /** Makes another object for {@link server}, with the same clients and listeners. */
  makeAlias(): BackplaneServer {
    return this.#makeServer(this.server);
  }

  /** Takes an upgrade request. Never throws. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#acceptor.accept(request, socket, head);
  }

  onConnect(callback: ConnectCallback): void {
    this.#connectCallbacks.push(callback);
  }

  noteError(error: Error): void {
    this.#parts.log.error(`server:${this.#parts.hub}`, 'The WebSocket server failed', error);
    this.server.notify('error', error);
  }

  /**
   * Closes every client with 1001 and waits for them, and for their `handleDisconnect`, a bounded
   * time.
   */
  close(forced: boolean): Promise<void> {
    return (this.#closing ??= this.#close(forced ? FORCED_CLOSE_GRACE_MS : CLOSE_GRACE_MS));
  }

  async #close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#ws.close(() => resolve()));
    this.#acceptor.close();
    for (const session of this.#sessionContext.entering) session.giveUp();
    for (const client of this.server.clients) {
      if (client.raw.isPaused) client.raw.resume();
      client.close(CloseCode.goingAway, 'server is going away');
    }
    const deadline = new Deadline(graceMs, () => {
      for (const ws of this.#ws.clients) ws.terminate();
    });
    await closed;
    deadline.cancel();
    this.#offContinuityLost();
    await this.#sessionContext.disconnectHooks.close(DISCONNECT_HOOKS_GRACE_MS);
    this.#tellClosed();
  }

  #makeServer(first?: BackplaneServer): BackplaneServer {
    const { hub, path, log, address, onServerClosed } = this.#parts;
    const onClose = (): void => {
      this.#isClosedByApp = true;
      onServerClosed();
    };
    const parts = { hub, path, raw: this.#ws, publisher: this.#publisher, log, address, onClose };
    return new BackplaneServer(first ? { ...parts, first } : parts);
  }

  /** Once: the app may have closed the server before it closes itself. */
  #tellClosed(): void {
    if (this.#toldClosed) return;
    this.#toldClosed = true;
    this.server.notify('close');
  }

  #catchUp(raw: WebSocket): void {
    const session = this.#sessions.get(raw);
    if (session) this.#hub.catchUp(session.socket);
  }

  /** Clients that keep count first, then the gateways, which may send a snapshot. */
  #tellOfLoss(loss: ContinuityLoss): void {
    const { connectionId, room, userId, reason, epoch, offset } = loss;
    const client = connectionId === undefined ? undefined : this.#hub.get(connectionId);
    if (connectionId !== undefined && !client) return;
    const data = { room, user: userId, reason, epoch, offset };
    const text = JSON.stringify({ event: '$lost', data });
    for (const one of client ? [client] : this.#hub.select(targetOfGroup({ room, user: userId })))
      if (one.wantsPositions) one.writeText(text);
    for (const tell of this.#parts.continuityHooks()) tell(client, loss);
  }

  #connect(
    raw: WebSocket,
    stream: Duplex,
    request: IncomingMessage,
    user: BackplaneUser | undefined,
  ): void {
    const { backplane, scopedHooks } = this.#parts;
    const socket = new BackplaneSocket({
      id: backplane.nextConnectionId(),
      raw,
      user,
      handshake: new Handshake(request, this.#strings),
      hub: this.#hub,
      publisher: this.#publisher,
      writer: new FrameWriter(raw, stream, this.#writing),
    });
    const session = new ClientSession(this.#sessionContext, socket, stream, scopedHooks());
    socket.session = session;
    this.#sessions.set(raw, session);
    // An app may listen as often as it likes, and every running Observable of a handler does.
    raw.setMaxListeners(0);
    const { error, message, close } = this.#listeners;
    raw.on('error', error).on('message', message).on('close', close);
    this.#hub.add(socket);
    (this.server.clients as Set<BackplaneSocket>).add(socket);
    this.#ws.emit('connection', raw, request);
    this.server.notify('connection', socket, request);
    for (const callback of this.#connectCallbacks) callback(socket, request);
    session.admit();
  }

  /**
   * The listeners of a client's `ws` socket: the same functions for all clients, as a closure each
   * takes memory.
   */
  #makeListeners(): SocketListeners {
    const receive = (raw: WebSocket, data: RawData, binary: boolean): void =>
      this.#sessions.get(raw)?.receive(data, binary);
    const disconnect = (raw: WebSocket, code: number, reason: Buffer): void =>
      this.#disconnect(raw, code, reason);
    return {
      error: (error) =>
        this.#parts.log.debug('client', () => `A client's connection failed: ${messageOf(error)}`),
      message: function (data, binary) {
        receive(this, data, binary);
      },
      close: function (code, reason) {
        disconnect(this, code, reason);
      },
    };
  }

  #disconnect(raw: WebSocket, code: number, reason: Buffer): void {
    const session = this.#sessions.get(raw);
    if (!session) return;
    const { socket } = session;
    // Nest's hooks first: a gateway's `handleDisconnect` may want to know the rooms.
    session.disconnected(code, reason);
    this.#sessions.delete(raw);
    socket.ended();
    this.#hub.remove(socket);
    (this.server.clients as Set<BackplaneSocket>).delete(socket);
  }
}
