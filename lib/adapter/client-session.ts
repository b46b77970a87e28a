import type { Duplex } from 'node:stream';

import type { WsMessageHandler } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import type { RawData } from 'ws';

import { safeJsonText } from '../cluster/json.js';
import type { ThrottledLog } from '../cluster/throttled-log.js';
import { Deadline } from '../timing/deadline.js';
import type { BackplaneSocket } from './backplane-socket.js';
import { byteLengthOf } from './byte-length.js';
import { ConnectionGate } from './connection-gate.js';
import type { Dispatcher } from './dispatcher.js';
import { exceptionIn } from './exception-frame.js';
import { failureOf, INTERNAL_ERROR } from './failure.js';
import { Pulse } from './heartbeat.js';
import type { DisconnectCallback, GatewayHook, Session } from './session.js';

const OPEN = 1;
const INTERNAL_ERROR_CODE = 1011;
/** So many messages wait for a slow `handleConnection` in memory; more wait in the client's socket. */
const MAX_HELD = 64;
const MAX_HELD_BYTES = 256 * 1024;
/** A request-scoped gateway is made for the client first; if that takes longer, it has failed. */
const SCOPED_HOOK_TIMEOUT_MS = 10_000;

/** What all sessions of an endpoint share. */
export interface ClientSessionContext {
  readonly dispatcher: Dispatcher;
  readonly log: ThrottledLog;
  /** How many rooms a client may be in; `Infinity` for any number. */
  readonly maxRooms: number;
  /** Runs of `handleDisconnect` that have not ended. */
  readonly disconnectHooks: Set<Promise<void>>;
}

/** What there is of a client that was not let in yet. */
interface Entry {
  /** Undefined once it has failed: the client is on its way out. */
  gate: ConnectionGate | undefined;
  readonly held: { readonly data: RawData; readonly binary: boolean }[];
  heldBytes: number;
  /** Set when the client has gone: tells its gateways. */
  leave: (() => void) | undefined;
}

const NONE: readonly never[] = Object.freeze([]);

/**
 * One client between its arrival and its end: what its gateways have bound to it, and what waits until they have let it in.
 * There are many, most of them idle: a session keeps nothing that it can do without.
 */
export class ClientSession implements Session {
  readonly pulse: Pulse;
  readonly #context: ClientSessionContext;
  readonly #socket: BackplaneSocket;
  #bound: readonly WsMessageHandler['callback'][] = NONE;
  /** Of all gateways. */
  #tellGone: DisconnectCallback | undefined;
  /** Undefined once the client was let in. */
  #entry: Entry | undefined;

  constructor(
    context: ClientSessionContext,
    socket: BackplaneSocket,
    stream: Duplex,
    scopedHooks: number,
  ) {
    this.#context = context;
    this.#socket = socket;
    this.pulse = new Pulse(socket.raw, stream);
    const gate = new ConnectionGate(scopedHooks);
    this.#entry = { gate, held: [], heldBytes: 0, leave: undefined };
  }

  get socket(): BackplaneSocket {
    return this.#socket;
  }

  get maxRooms(): number {
    return this.#context.maxRooms;
  }

  bind(handlers: readonly WsMessageHandler[]): void {
    this.#bound = this.#context.dispatcher.bind(this.#bound, handlers);
  }

  onDisconnect(callback: DisconnectCallback): void {
    const before = this.#tellGone;
    this.#tellGone = before
      ? (code, reason) => {
          before(code, reason);
          callback(code, reason);
        }
      : callback;
  }

  /** Lets the client in when all of its hooks are done, or closes it with 1011. To be called once, when Nest has bound it. */
  admit(): void {
    const gate = this.#entry!.gate!;
    gate.seal();
    if (gate.isOpen) return this.#letIn();
    const deadline = gate.awaitsBeginning
      ? new Deadline(SCOPED_HOOK_TIMEOUT_MS, () =>
          gate.fail(new Error('a request-scoped gateway was not made in time')),
        )
      : undefined;
    gate.opened
      .then(
        () => this.#letIn(),
        (error) => this.#refuse(error),
      )
      .finally(() => deadline?.cancel());
  }

  async callHook(
    hook: GatewayHook,
    gateway: string,
    scoped: boolean,
    call: () => unknown,
  ): Promise<void> {
    const running = (async () => void (await call()))();
    if (hook === 'handleConnection') {
      this.#trackConnectionHook(gateway, scoped, running);
      await running.catch(() => {});
      return;
    }
    const { disconnectHooks, log } = this.#context;
    const ended = running.catch((error: unknown) =>
      log.error(`disconnect:${gateway}`, `handleDisconnect of ${gateway} failed`, error),
    );
    disconnectHooks.add(ended);
    await ended;
    disconnectHooks.delete(ended);
  }

  takesAsAnswer(event: string, data: unknown): boolean {
    if (event === 'exception') this.#noteException();
    return this.#context.dispatcher.takesAsAnswer(this.#socket, event, data);
  }

  takesFrameAsAnswer(frame: unknown): boolean {
    if (this.#entry?.gate?.awaitsBeginning && exceptionIn(frame, true)) this.#noteException();
    return this.#context.dispatcher.takesFrameAsAnswer(this.#socket, frame);
  }

  receive(data: RawData, binary: boolean): void {
    const entry = this.#entry;
    if (!entry) return this.#dispatch(data, binary);
    entry.held.push({ data, binary });
    entry.heldBytes += byteLengthOf(data);
    if (entry.held.length >= MAX_HELD || entry.heldBytes >= MAX_HELD_BYTES)
      this.#socket.raw.pause();
  }

  disconnected(code: number, reason: Buffer): void {
    const leave = (): void => this.#tellGone?.(code, reason);
    // What it said before it went comes first, and waits for its gateways as ever.
    if (this.#entry?.gate) this.#entry.leave = leave;
    else leave();
  }

  /** Nest tells the client of a request-scoped gateway that could not be made: it will not have its hook called. */
  #noteException(): void {
    const gate = this.#entry?.gate;
    if (gate?.awaitsBeginning) gate.fail(new Error('a request-scoped gateway could not be made'));
  }

  #dispatch(data: RawData, binary: boolean): void {
    this.#context.dispatcher.dispatch(this.#socket, this.#bound, data, binary);
  }

  #trackConnectionHook(gateway: string, scoped: boolean, hook: Promise<void>): void {
    const named = hook.catch((error: unknown) => {
      throw new HookFailure(gateway, error);
    });
    const gate = this.#entry?.gate;
    if (gate) gate.track(named, scoped);
    else named.catch((error: unknown) => this.#refuse(error));
  }

  #letIn(): void {
    const { held, leave } = this.#entry!;
    this.#entry = undefined;
    for (const { data, binary } of held) this.#dispatch(data, binary);
    // A turn later, as if the close had come after them: their handlers have begun by then.
    if (leave) setImmediate(leave);
    if (this.#socket.raw.isPaused) this.#socket.raw.resume();
  }

  #refuse(failure: unknown): void {
    const { gateway, error } =
      failure instanceof HookFailure ? failure : { gateway: 'A gateway', error: failure };
    const leave = this.#entry?.leave;
    this.#entry = { gate: undefined, held: [], heldBytes: 0, leave: undefined };
    leave?.();
    this.#context.log.error(
      `connect:${gateway}`,
      `${gateway} could not take a connection (handleConnection)`,
      error,
    );
    const socket = this.#socket;
    if (socket.readyState !== OPEN) return;
    socket.writeText(exceptionText(error));
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

/** An exception may hold what the client sent, or anything else. */
function exceptionText(error: unknown): string {
  const data = safeJsonText(exceptionOf(error)) ?? JSON.stringify(INTERNAL_ERROR);
  return `{"event":"exception","data":${data}}`;
}

/** In the form of Nest's own exception frames. */
function exceptionOf(error: unknown): unknown {
  const told = failureOf(error);
  // An object of the app's goes as it is.
  if (error instanceof WsException && told === error.getError()) return told;
  return { ...(told as object), cause: { pattern: 'handleConnection' } };
}
