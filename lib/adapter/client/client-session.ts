import type { Duplex } from 'node:stream';

import type { WsMessageHandler } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import type { RawData } from 'ws';

import type { ThrottledLog } from '../../cluster/common/throttled-log.js';
import { LimitExceededError } from '../../errors/limit-exceeded.error.js';
import { messageOf } from '../../errors/quote.js';
import { Deadline } from '../../timing/deadline.js';
import { Arrival } from './arrival.js';
import type { BackplaneSocket } from './backplane-socket.js';
import { ConnectionGate } from '../upgrade/connection-gate.js';
import type { DisconnectHooks } from './disconnect-hooks.js';
import type { ClientMessageHandler } from './client-message-handler.js';
import { exceptionIn, exceptionText } from './exception-frame.js';
import { Liveness } from './heartbeat.js';
import type { DisconnectCallback, GatewayHook, Session } from './session.js';
import { CloseCode } from '../write/close-codes.js';

const OPEN = 1;
/** How long a client that was not admitted in time may take to answer the close frame. */
const CLOSE_GRACE_MS = 2_000;
/** A request-scoped gateway is made for the client first; if that takes longer, it has failed. */
const SCOPED_HOOK_TIMEOUT_MS = 10_000;

/** The things that all sessions of an endpoint share. */
export interface ClientSessionContext {
  readonly dispatcher: ClientMessageHandler;
  readonly log: ThrottledLog;
  /** How many rooms a client may be in; `Infinity` for any number. */
  readonly maxRooms: number;
  /** How long all runs of `handleConnection` for one client may take. */
  readonly connectionTimeoutMs: number;
  readonly disconnectHooks: DisconnectHooks;
  /** The sessions whose clients wait to be admitted, also where the clients have gone meanwhile. */
  readonly entering: Set<ClientSession>;
}

/** Clients that the app has paused. */
const PAUSED_BY_APP = new WeakSet<ClientSession>();
const NONE: readonly never[] = Object.freeze([]);
/** Stands for an {@link Arrival}: the client is refused, and is being closed. */
const REFUSED = Symbol('refused');

/**
 * One client between its arrival and its end: what its gateways have bound to it, and what waits
 * until they have let it in. There are many, most of them idle: a session keeps nothing that it can
 * do without.
 */
export class ClientSession implements Session {
  readonly pulse: Liveness;
  readonly #context: ClientSessionContext;
  readonly #socket: BackplaneSocket;
  #bound: readonly WsMessageHandler['callback'][] = NONE;
  /** Of all gateways. */
  #tellGone: DisconnectCallback | undefined;
  /** Undefined once the client is admitted. */
  #arrival: Arrival | typeof REFUSED | undefined;

  constructor(
    context: ClientSessionContext,
    socket: BackplaneSocket,
    stream: Duplex,
    scopedHooks: number,
  ) {
    this.#context = context;
    this.#socket = socket;
    this.pulse = new Liveness(socket.raw, stream);
    this.#arrival = new Arrival(new ConnectionGate(scopedHooks));
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

  pauseReading(): void {
    PAUSED_BY_APP.add(this);
    this.#socket.raw.pause();
  }

  resumeReading(): void {
    PAUSED_BY_APP.delete(this);
    this.#resume();
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

  /**
   * Lets the client in when all of its hooks are done. Closes it with 1011 if one fails, and with
   * 1013 if they take too long. To be called once, when Nest has bound it.
   */
  admit(): void {
    const arrival = this.#waiting!;
    const { gate } = arrival;
    gate.seal();
    if (gate.isOpen) return this.#enter(arrival);
    const { connectionTimeoutMs, entering } = this.#context;
    entering.add(this);
    const deadlines = [
      new Deadline(connectionTimeoutMs, () => gate.fail(new HooksTooLate(gate.awaited))),
    ];
    if (gate.awaitsBeginning) {
      const late = new Error('a request-scoped gateway was not made in time');
      deadlines.push(
        new Deadline(SCOPED_HOOK_TIMEOUT_MS, () => gate.awaitsBeginning && gate.fail(late)),
      );
    }
    arrival.end = () => {
      for (const deadline of deadlines) deadline.cancel();
      entering.delete(this);
    };
    gate.opened.then(
      () => this.#enter(arrival),
      (error) => this.#arrival === arrival && this.#refuse(error),
    );
  }

  /** The server closes: a client that is not admitted by now is refused. */
  giveUp(): void {
    const arrival = this.#waiting;
    if (!arrival) return;
    this.#arrival = REFUSED;
    arrival.end?.();
    arrival.leave?.();
  }

  /** The client was asked something: it is read for its answer, though enough of it is held. */
  asked(): void {
    const arrival = this.#waiting;
    if (!arrival?.isPaused || arrival.isFull(true)) return;
    arrival.isPaused = false;
    this.#resume();
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
    await this.#context.disconnectHooks.add(gateway, running);
  }

  takesAsAnswer(event: string, data: unknown): boolean {
    if (event === 'exception') this.#noteException();
    return this.#context.dispatcher.takesAsAnswer(this.#socket, event, data);
  }

  takesFrameAsAnswer(frame: unknown): boolean {
    if (this.#waiting?.gate.awaitsBeginning && exceptionIn(frame, true)) this.#noteException();
    return this.#context.dispatcher.takesFrameAsAnswer(this.#socket, frame);
  }

  receive(data: RawData, binary: boolean): void {
    const arrival = this.#arrival;
    if (!arrival) return this.#dispatch(data, binary);
    if (arrival === REFUSED) return;
    const socket = this.#socket;
    const { dispatcher } = this.#context;
    // A hook may wait for it: it must not wait for the hook.
    if (socket.awaitsAnswer && dispatcher.takeAnswer(socket, data, binary)) return;
    arrival.hold(data, binary);
    if (!arrival.isFull(socket.awaitsAnswer)) return;
    arrival.isPaused = true;
    socket.raw.pause();
  }

  disconnected(code: number, reason: Buffer): void {
    const leave = (): void => this.#tellGone?.(code, reason);
    const arrival = this.#waiting;
    // Messages that it sent before it went come first, and wait for its gateways as ever.
    if (arrival) arrival.leave = leave;
    else leave();
  }

  /** Unless the app has paused it, or enough is held. */
  #resume(): void {
    if (!PAUSED_BY_APP.has(this) && !this.#waiting?.isPaused) this.#socket.raw.resume();
  }

  get #waiting(): Arrival | undefined {
    return this.#arrival === REFUSED ? undefined : this.#arrival;
  }

  /**
   * Nest tells the client of a request-scoped gateway that could not be made: it will not have its
   * hook called.
   */
  #noteException(): void {
    const gate = this.#waiting?.gate;
    if (gate?.awaitsBeginning) gate.fail(new Error('a request-scoped gateway could not be made'));
  }

  #dispatch(data: RawData, binary: boolean): void {
    const { dispatcher, log } = this.#context;
    try {
      dispatcher.dispatch(this.#socket, this.#bound, data, binary);
    } catch (error) {
      // A fault of the adapter's own: a client must not end the process with it.
      log.error('message', 'A message of a client could not be handled', error);
      this.#socket.raw.close(CloseCode.internalError, 'internal error');
    }
  }

  #trackConnectionHook(gateway: string, scoped: boolean, hook: Promise<void>): void {
    const named = hook.catch((error: unknown) => {
      throw new HookFailure(gateway, error);
    });
    const gate = this.#waiting?.gate;
    if (gate) gate.track(gateway, named, scoped);
    else named.catch((error: unknown) => this.#refuse(error));
  }

  #enter(arrival: Arrival): void {
    if (this.#arrival !== arrival) return;
    const { held, leave, isPaused } = arrival;
    this.#arrival = undefined;
    arrival.end?.();
    for (const { data, binary } of held) this.#dispatch(data, binary);
    // A turn later, as if the close had come after them: their handlers have begun by then.
    if (leave) setImmediate(leave);
    if (isPaused) this.#resume();
  }

  #refuse(failure: unknown): void {
    const arrival = this.#waiting;
    this.#arrival = REFUSED;
    arrival?.end?.();
    arrival?.leave?.();
    this.#logRefusal(failure);
    const socket = this.#socket;
    if (socket.readyState !== OPEN) return;
    const error = failure instanceof HookFailure ? failure.error : failure;
    socket.writeText(exceptionText(error));
    if (failure instanceof HooksTooLate) {
      socket.disconnect(CloseCode.tryAgainLater, 'handleConnection took too long');
      const { raw } = socket;
      const deadline = new Deadline(CLOSE_GRACE_MS, () => raw.terminate());
      raw.once('close', () => deadline.cancel());
    } else socket.disconnect(CloseCode.internalError, 'handleConnection failed');
    // Else the answer to the close frame would not be read.
    if (socket.raw.isPaused) socket.raw.resume();
  }

  #logRefusal(failure: unknown): void {
    const { log, connectionTimeoutMs } = this.#context;
    if (failure instanceof HooksTooLate) {
      const gateways = failure.gateways.join(', ') || 'a request-scoped gateway';
      return log.warn(
        `connect:late:${gateways}`,
        `handleConnection of ${gateways} has not ended within ${connectionTimeoutMs} ms, so the client was closed (1013) and what it ` +
          'had sent was dropped. Look for a promise that never settles, or raise the option "connectionTimeoutMs".',
      );
    }
    const { gateway, error } =
      failure instanceof HookFailure ? failure : { gateway: 'A gateway', error: failure };
    const line = `${gateway} could not take a connection (handleConnection)`;
    // A client that asks for too much is no fault of the app.
    if (error instanceof LimitExceededError)
      log.warn(`connect:limit:${gateway}`, () => `${line}: ${messageOf(error)}`);
    else log.error(`connect:${gateway}`, line, error);
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

class HooksTooLate extends WsException {
  readonly gateways: readonly string[];

  constructor(gateways: readonly string[]) {
    super('The connection was not accepted in time');
    this.gateways = [...gateways];
  }
}
