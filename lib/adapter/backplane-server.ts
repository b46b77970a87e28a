import { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { WebSocketServer } from 'ws';

import type { AnyEvents } from '../cluster/events.js';
import { HubAudience, type HubSink } from '../cluster/hub-audience.js';
import type { ThrottledLog } from '../cluster/throttled-log.js';
import type { BackplaneUser } from './adapter.options.js';
import type { BackplaneSocket } from './backplane-socket.js';

/** The events of a server that an app may listen to. */
export type ServerEvent = 'connection' | 'close' | 'error' | 'listening';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Listener = (...args: any[]) => void;

/** @internal */
export interface BackplaneServerParts {
  readonly hub: string;
  readonly path: string;
  readonly raw: WebSocketServer;
  readonly sink: HubSink;
  readonly log: ThrottledLog;
  readonly address: () => AddressInfo | string | null;
}

/**
 * What `@WebSocketServer()` injects: everyone in the gateway's hub, on every instance, and the `ws` server of this one. Its
 * `emit` always sends a message, whatever the event's name. `User` is what the authenticator returns: the `user` of its `clients`.
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
  readonly clients: ReadonlySet<BackplaneSocket<Events, User>> = new Set();
  readonly #events = new EventEmitter({ captureRejections: true });
  readonly #log: ThrottledLog;
  readonly #address: () => AddressInfo | string | null;

  /** @internal */
  constructor(parts: BackplaneServerParts) {
    super(parts.sink);
    this.hub = parts.hub;
    this.path = parts.path;
    this.raw = parts.raw;
    this.#address = parts.address;
    this.#log = parts.log;
    this.#events.setMaxListeners(0);
    // Of a listener that is async. Without it, a client that connects could end the process.
    const failed = (error: Error, event: string | symbol): void => this.#noteFailure(event, error);
    Object.assign(this.#events, { [Symbol.for('nodejs.rejection')]: failed });
  }

  /** Where the HTTP server listens; null before it does. */
  address(): AddressInfo | string | null {
    return this.#address();
  }

  on(event: ServerEvent, listener: Listener): this {
    this.#events.on(event, listener);
    return this;
  }

  once(event: ServerEvent, listener: Listener): this {
    this.#events.once(event, listener);
    return this;
  }

  off(event: ServerEvent, listener: Listener): this {
    this.#events.off(event, listener);
    return this;
  }

  /** @internal Tells this process, not clients. An `error` that nobody listens for throws nothing. */
  notify(event: ServerEvent, ...args: unknown[]): void {
    if (event === 'error' && this.#events.listenerCount('error') === 0) return;
    try {
      this.#events.emit(event, ...args);
    } catch (error) {
      this.#noteFailure(event, error);
    }
  }

  #noteFailure(event: string | symbol, error: unknown): void {
    const name = String(event);
    this.#log.error(`server:${name}`, `A listener of the server's "${name}" failed`, error);
  }
}
