import type { Duplex } from 'node:stream';

import { WebSocket } from 'ws';

import { type Listener, listen, listenOnce, removeAppListeners } from './app-listeners.js';

/** The events of a `ws` socket that an app may listen to. */
export type SocketEvent =
  | 'message'
  | 'close'
  | 'error'
  | 'ping'
  | 'pong'
  | 'open'
  | 'redirect'
  | 'upgrade'
  | 'unexpected-response';

type EventType = 'message' | 'close' | 'error' | 'open';
type EventListener<Type extends EventType> = Parameters<
  typeof WebSocket.prototype.addEventListener<Type>
>[1];
type EventListenerOptions = Parameters<typeof WebSocket.prototype.addEventListener>[2];

/** Private members of `ws`. */
interface Internals {
  readonly _socket: Duplex;
  readonly _closeFrameReceived: boolean;
  readonly _closeFrameSent: boolean;
}

/**
 * The members of the `ws` socket on a client, so that gateways written for the stock `WsAdapter`
 * work unchanged. Listeners get the client as `this`, and events have it as `target`.
 *
 * Nothing of it takes memory for a client that nobody listens to: all are members of the prototype.
 */
export abstract class WsSocket {
  /** The `ws` socket. */
  abstract readonly raw: WebSocket;
  declare onopen: WebSocket['onopen'];
  declare onclose: WebSocket['onclose'];
  declare onerror: WebSocket['onerror'];
  declare onmessage: WebSocket['onmessage'];

  static get CONNECTING(): 0 {
    return 0;
  }

  static get OPEN(): 1 {
    return 1;
  }

  static get CLOSING(): 2 {
    return 2;
  }

  static get CLOSED(): 3 {
    return 3;
  }

  get CONNECTING(): 0 {
    return 0;
  }

  get OPEN(): 1 {
    return 1;
  }

  get CLOSING(): 2 {
    return 2;
  }

  get CLOSED(): 3 {
    return 3;
  }

  get readyState(): WebSocket['readyState'] {
    return this.raw.readyState;
  }

  get bufferedAmount(): number {
    return this.raw.bufferedAmount;
  }

  get protocol(): string {
    return this.raw.protocol;
  }

  get extensions(): string {
    return this.raw.extensions;
  }

  /** Undefined, as for every socket of a server. `handshake.url` is what was requested. */
  get url(): string {
    return this.raw.url;
  }

  /** In what form `message` gives binary frames. */
  get binaryType(): WebSocket['binaryType'] {
    return this.raw.binaryType;
  }

  set binaryType(type: WebSocket['binaryType']) {
    this.raw.binaryType = type;
  }

  /**
   * The TCP or TLS socket, a private member of `ws` that guards for the stock adapter read.
   * `handshake.address` is the peer's address.
   */
  get _socket(): Duplex {
    return internalsOf(this.raw)._socket;
  }

  on(event: SocketEvent, listener: Listener): this {
    listen(this.raw, this, event, listener);
    return this;
  }

  addListener(event: SocketEvent, listener: Listener): this {
    return this.on(event, listener);
  }

  prependListener(event: SocketEvent, listener: Listener): this {
    listen(this.raw, this, event, listener, 'prependListener');
    return this;
  }

  once(event: SocketEvent, listener: Listener): this {
    listenOnce(this.raw, this, event, listener);
    return this;
  }

  prependOnceListener(event: SocketEvent, listener: Listener): this {
    listenOnce(this.raw, this, event, listener, 'prependListener');
    return this;
  }

  off(event: SocketEvent, listener: Listener): this {
    this.raw.off(event, listener);
    return this;
  }

  removeListener(event: SocketEvent, listener: Listener): this {
    return this.off(event, listener);
  }

  /** Of the app's: what the adapter itself listens with stays. */
  removeAllListeners(event?: SocketEvent): this {
    removeAppListeners(this.raw, event);
    return this;
  }

  listeners(event: SocketEvent): Listener[] {
    return this.raw.listeners(event) as Listener[];
  }

  rawListeners(event: SocketEvent): Listener[] {
    return this.raw.rawListeners(event) as Listener[];
  }

  /** @param listener to count that one alone */
  listenerCount(event: SocketEvent, listener?: Listener): number {
    return this.raw.listenerCount(event, listener);
  }

  eventNames(): (string | symbol)[] {
    return this.raw.eventNames();
  }

  getMaxListeners(): number {
    return this.raw.getMaxListeners();
  }

  setMaxListeners(count: number): this {
    this.raw.setMaxListeners(count);
    return this;
  }

  addEventListener<Type extends EventType>(
    type: Type,
    listener: EventListener<Type>,
    options?: EventListenerOptions,
  ): void {
    WebSocket.prototype.addEventListener.call(this, type, listener as never, options);
  }

  removeEventListener<Type extends EventType>(type: Type, listener: EventListener<Type>): void {
    WebSocket.prototype.removeEventListener.call(this, type, listener as never);
  }

  /** `ws` reads these two for the `wasClean` of a close event. */
  protected get _closeFrameReceived(): boolean {
    return internalsOf(this.raw)._closeFrameReceived;
  }

  protected get _closeFrameSent(): boolean {
    return internalsOf(this.raw)._closeFrameSent;
  }
}

/**
 * The members of `ws` that take a listener: they work on whatever has its methods for listeners.
 */
const ATTRIBUTES = ['onopen', 'onclose', 'onerror', 'onmessage'] as const;

for (const name of ATTRIBUTES) {
  const descriptor = Object.getOwnPropertyDescriptor(WebSocket.prototype, name)!;
  Object.defineProperty(WsSocket.prototype, name, descriptor);
}

function internalsOf(raw: WebSocket): Internals {
  return raw as unknown as Internals;
}
