import { Logger } from '@nestjs/common';
import type { WsMessageHandler } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import type { RawData } from 'ws';

import type { BackplaneSocket } from './backplane-socket.js';
import { ConnectionGate } from './connection-gate.js';
import type { Dispatcher } from './dispatcher.js';
import { INTERNAL_ERROR } from './failure.js';

const OPEN = 1;
const INTERNAL_ERROR_CODE = 1011;
/** So many messages wait for a slow `handleConnection` in memory; more wait in the client's socket. */
const MAX_HELD = 64;
const MAX_HELD_BYTES = 256 * 1024;
/** A request-scoped gateway is made for the client first; if that takes longer, it has failed. */
const SCOPED_HOOK_TIMEOUT_MS = 10_000;

/** One client between its arrival and its end: what its gateways have bound to it, and what waits until they have let it in. */
export class ClientSession {
  readonly #logger = new Logger('RedisBackplaneAdapter');
  readonly #socket: BackplaneSocket;
  readonly #dispatcher: Dispatcher;
  readonly #bound: WsMessageHandler['callback'][] = [];
  readonly #disconnectCallbacks: ((code: number, reason: Buffer) => void)[] = [];
  /** Undefined once the client was let in. */
  #gate: ConnectionGate | undefined;
  #held: { readonly data: RawData; readonly binary: boolean }[] | undefined = [];
  #heldBytes = 0;
  /** Set when the client has gone before it was let in: tells its gateways. */
  #leave: (() => void) | undefined;

  constructor(socket: BackplaneSocket, dispatcher: Dispatcher, scopedHooks: number) {
    this.#socket = socket;
    this.#dispatcher = dispatcher;
    this.#gate = new ConnectionGate(scopedHooks);
  }

  bind(handlers: readonly WsMessageHandler[]): void {
    this.#dispatcher.bind(this.#bound, handlers);
  }

  onDisconnect(callback: (code: number, reason: Buffer) => void): void {
    this.#disconnectCallbacks.push(callback);
  }

  /** Lets the client in when all of its hooks are done, or closes it with 1011. To be called once, when Nest has bound it. */
  admit(): void {
    const gate = this.#gate!;
    gate.seal();
    if (gate.isOpen) return this.#letIn();
    const timer = gate.awaitsBeginning
      ? setTimeout(
          () => gate.fail(new Error('a request-scoped gateway was not made in time')),
          SCOPED_HOOK_TIMEOUT_MS,
        )
      : undefined;
    gate.opened
      .then(
        () => this.#letIn(),
        (error) => this.#refuse(error),
      )
      .finally(() => clearTimeout(timer));
  }

  /** A gateway's `handleConnection` has begun. */
  trackConnectionHook(gateway: string, scoped: boolean, hook: Promise<void>): void {
    const named = hook.catch((error: unknown) => {
      throw new HookFailure(gateway, error);
    });
    if (this.#gate) this.#gate.track(named, scoped);
    else named.catch((error: unknown) => this.#refuse(error));
  }

  /** Nest tells the client of a request-scoped gateway that could not be made: it will not have its hook called. */
  noteException(): void {
    if (this.#gate?.awaitsBeginning)
      this.#gate.fail(new Error('a request-scoped gateway could not be made'));
  }

  receive(data: RawData, binary: boolean): void {
    if (!this.#held) return this.#dispatcher.dispatch(this.#socket, this.#bound, data, binary);
    this.#held.push({ data, binary });
    this.#heldBytes += byteLengthOf(data);
    if (this.#held.length >= MAX_HELD || this.#heldBytes >= MAX_HELD_BYTES)
      this.#socket.raw.pause();
  }

  disconnected(code: number, reason: Buffer): void {
    const leave = (): void => {
      for (const callback of this.#disconnectCallbacks) callback(code, reason);
    };
    // What it said before it went comes first, and waits for its gateways as ever.
    if (this.#gate) this.#leave = leave;
    else leave();
  }

  #letIn(): void {
    const held = this.#held ?? [];
    this.#gate = undefined;
    this.#held = undefined;
    for (const { data, binary } of held) {
      this.#dispatcher.dispatch(this.#socket, this.#bound, data, binary);
    }
    // A turn later, as if the close had come after them: their handlers have begun by then.
    if (this.#leave) setImmediate(this.#leave);
    if (this.#socket.raw.isPaused) this.#socket.raw.resume();
  }

  #refuse(failure: unknown): void {
    const { gateway, error } =
      failure instanceof HookFailure ? failure : { gateway: 'A gateway', error: failure };
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    this.#held = [];
    this.#gate = undefined;
    this.#leave?.();
    this.#logger.error(
      `${gateway} could not take a connection (handleConnection): ${message}`,
      stack,
    );
    const socket = this.#socket;
    if (socket.readyState !== OPEN) return;
    socket.writeText(JSON.stringify({ event: 'exception', data: exceptionOf(error) }));
    socket.disconnect(INTERNAL_ERROR_CODE, 'handleConnection failed');
    if (socket.raw.isPaused) socket.raw.resume();
  }
}

class HookFailure extends Error {
  constructor(
    readonly gateway: string,
    readonly error: unknown,
  ) {
    super('handleConnection failed');
  }
}

/** In the form of Nest's own exception frames. */
function exceptionOf(error: unknown): unknown {
  const cause = { pattern: 'handleConnection' };
  if (!(error instanceof WsException)) return { ...INTERNAL_ERROR, cause };
  const told = error.getError();
  return typeof told === 'object' ? told : { status: 'error', message: told, cause };
}

function byteLengthOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, part) => sum + part.length, 0) : data.byteLength;
}
