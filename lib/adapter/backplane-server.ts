import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebSocketServer } from 'ws';

import type { AnyEvents } from '../cluster/common/events.js';
import { HubAudience, type HubPublisher } from '../cluster/api/hub-audience.js';
import type { ThrottledLog } from '../cluster/common/throttled-log.js';
import type { BackplaneUser } from './options/adapter.options.js';
import { type Listener, listen, listenOnce, removeAppListeners } from './client/app-listeners.js';
import type { BackplaneSocket } from './client/backplane-socket.js';

/** The events of a server that an app may listen to. */
export type ServerEvent =
  'connection' | 'close' | 'error' | 'listening' | 'headers' | 'wsClientError';

/** Events that the `ws` server emits itself. */
const OF_RAW: ReadonlySet<ServerEvent> = new Set(['headers', 'wsClientError']);

/** @internal */
export interface BackplaneServerParts {
  readonly hub: string;
  readonly path: string;
  readonly raw: WebSocketServer;
  readonly publisher: HubPublisher;
  readonly log: ThrottledLog;
  readonly address: () => AddressInfo | string | null;
  /** Called when the app closes the server. */
  readonly onClose: () => void;
  /** The first object for the same server: this one shares its clients and listeners. */
  readonly first?: BackplaneServer;
}

/**
 * The value that `@WebSocketServer()` injects: everyone in the gateway's hub, on every instance,
 * and the `ws` server of this one. Its `emit` always sends a message, whatever the event's name.
 * `User` is what the authenticator returns: the `user` of its `clients`.
 */
export class BackplaneServer<
  Events extends object = AnyEvents,
  ServerEvents extends object = AnyEvents,
  User extends BackplaneUser = BackplaneUser,
> extends HubAudience<Events, ServerEvents> {
  /** The name under which the other instances know this hub. */
  readonly hub: string;
  /** The path that clients connect to. */
  readonly path: string;
  /** The `ws` server. */
  readonly raw: WebSocketServer;
  /** The connections of this instance. */
  readonly clients: ReadonlySet<BackplaneSocket<Events, User>>;
  readonly #events: EventEmitter;
  readonly #log: ThrottledLog;
  readonly #address: () => AddressInfo | string | null;
  readonly #onClose: () => void;

  /** @internal */
  constructor(parts: BackplaneServerParts) {
    super(parts.publisher);
    this.hub = parts.hub;
    this.path = parts.path;
    this.raw = parts.raw;
    this.#address = parts.address;
    this.#onClose = parts.onClose;
    this.#log = parts.log;
    this.clients = (parts.first?.clients ?? new Set()) as ReadonlySet<
      BackplaneSocket<Events, User>
    >;
    this.#events = parts.first ? parts.first.#events : this.#makeEvents();
  }

  /** Where the HTTP server listens; null before it does. */
  address(): AddressInfo | string | null {
    return this.#address();
  }

  /** Of the `ws` server. */
  get options(): WebSocketServer['options'] {
    return this.raw.options;
  }

  /**
   * Accepts no more clients: an upgrade is answered with 503. A port that no other gateway uses
   * stops listening. Connected clients stay until the app closes. The event `close` comes when the
   * last one has gone.
   * @param done called when the last client has gone; with an error if the server was closed
   * already
   */
  close(done?: (error?: Error) => void): void {
    this.raw.close(done);
    this.#onClose();
  }

  shouldHandle(request: IncomingMessage): boolean {
    return this.raw.shouldHandle(request) as boolean;
  }

  /**
   * @throws always: the adapter takes the upgrades of its path by itself, and authenticates them
   */
  handleUpgrade(): never {
    throw new Error(
      'The adapter takes the upgrades of its path by itself: remove the listener of "upgrade" and its call of handleUpgrade(). ' +
        'The options "authenticate" and "verifyClient" decide who is let in. A server of your own is new WebSocketServer({ noServer: true }).',
    );
  }

  on(event: ServerEvent, listener: Listener): this {
    listen(this.#emitterOf(event), this, event, listener);
    return this;
  }

  addListener(event: ServerEvent, listener: Listener): this {
    return this.on(event, listener);
  }

  prependListener(event: ServerEvent, listener: Listener): this {
    listen(this.#emitterOf(event), this, event, listener, 'prependListener');
    return this;
  }

  once(event: ServerEvent, listener: Listener): this {
    listenOnce(this.#emitterOf(event), this, event, listener);
    return this;
  }

  prependOnceListener(event: ServerEvent, listener: Listener): this {
    listenOnce(this.#emitterOf(event), this, event, listener, 'prependListener');
    return this;
  }

  off(event: ServerEvent, listener: Listener): this {
    this.#emitterOf(event).off(event, listener);
    return this;
  }

  removeListener(event: ServerEvent, listener: Listener): this {
    return this.off(event, listener);
  }

  /** Of the app's: what the adapter itself listens with stays. */
  removeAllListeners(event?: ServerEvent): this {
    removeAppListeners(this.#events, event);
    for (const one of OF_RAW)
      if (event === undefined || event === one) removeAppListeners(this.raw, one);
    return this;
  }

  listeners(event: ServerEvent): Listener[] {
    return this.#emitterOf(event).listeners(event) as Listener[];
  }

  rawListeners(event: ServerEvent): Listener[] {
    return this.#emitterOf(event).rawListeners(event) as Listener[];
  }

  /** @param listener to count that one alone */
  listenerCount(event: ServerEvent, listener?: Listener): number {
    return this.#emitterOf(event).listenerCount(event, listener);
  }

  eventNames(): (string | symbol)[] {
    const ofRaw = [...OF_RAW].filter((event) => this.raw.listenerCount(event) > 0);
    return [...this.#events.eventNames(), ...ofRaw];
  }

  getMaxListeners(): number {
    return this.#events.getMaxListeners();
  }

  setMaxListeners(count: number): this {
    this.#events.setMaxListeners(count);
    return this;
  }

  /**
   * @internal Tells this process, not clients. An `error` that nobody listens for throws nothing.
   */
  notify(event: ServerEvent, ...args: unknown[]): void {
    if (event === 'error' && this.#events.listenerCount('error') === 0) return;
    try {
      this.#events.emit(event, ...args);
    } catch (error) {
      this.#noteFailure(event, error);
    }
  }

  #makeEvents(): EventEmitter {
    const events = new EventEmitter({ captureRejections: true });
    events.setMaxListeners(0);
    // Of a listener that is async. Without it, a client that connects could end the process.
    const failed = (error: Error, event: string | symbol): void => this.#noteFailure(event, error);
    return Object.assign(events, { [Symbol.for('nodejs.rejection')]: failed });
  }

  #emitterOf(event: ServerEvent): EventEmitter {
    return OF_RAW.has(event) ? this.raw : this.#events;
  }

  #noteFailure(event: string | symbol, error: unknown): void {
    const name = String(event);
    this.#log.error(`server:${name}`, `A listener of the server's "${name}" failed`, error);
  }
}
