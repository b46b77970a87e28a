import type { WsMessageHandler } from '@nestjs/common';
import { isObservable } from 'rxjs';
import type { RawData } from 'ws';

import type { Counters } from '../../cluster/common/counters.js';
import { jsonText } from '../../cluster/common/json.js';
import { RESERVED_PREFIX } from '../../cluster/common/message.js';
import type { ThrottledLog } from '../../cluster/common/throttled-log.js';
import { quote } from '../../errors/quote.js';
import type { ClientMessage, MessageParser } from '../options/adapter.options.js';
import type { BackplaneSocket } from '../client/backplane-socket.js';
import { byteLengthOf } from '../write/byte-length.js';
import { ClientRequest, isRequestId } from './client-request.js';
import type { ClientMessageHandler } from '../client/client-message-handler.js';
import { exceptionIn } from '../client/exception-frame.js';
import { type Failure, INTERNAL_ERROR } from '../client/failure.js';
import { currentRun, HandlerRun, inRun } from './handler-run.js';
import type { HandlerWatch } from './handler-watch.js';
import { MessageReader, TooDeepMessage } from './message-reader.js';

const OPEN = 1;
const CLOSED = 3;

type Handler = WsMessageHandler['callback'];

export interface DispatcherOptions {
  /** Asked for at each frame: `setMessageParser` may change it. */
  readonly parser: () => MessageParser;
  /** Of the members of clients' messages. */
  readonly maxDepth: number | false;
  readonly counters: Pick<Counters, 'strayAnswers' | 'tooDeep'>;
  readonly log: ThrottledLog;
  /** Of the gateways. */
  readonly handlers: HandlerWatch;
}

interface TableEntry {
  /** The event, as the gateway declares it, for the log. */
  readonly name: string;
  /** Where a client's own copy of the handler stands among its bound handlers. */
  readonly position: number;
  readonly acksByItself: boolean;
  readonly isWatched: boolean;
  /** Of every message without an `id`. */
  readonly withoutRequest: HandlerRun;
  /** Set once it has returned an Observable. */
  isStream: boolean;
}

/**
 * From a client's frame to the gateways' handlers, and back with what they return. One table for
 * all clients of an endpoint: Nest binds each handler to each client, so a client keeps its bound
 * handlers in one list, and the table says where in it an event's handlers stand.
 */
export class Dispatcher implements ClientMessageHandler {
  readonly #table = new Map<unknown, TableEntry[]>();
  readonly #handlers: HandlerWatch;
  readonly #reader: MessageReader;
  readonly #maxDepth: number | false;
  readonly #counters: DispatcherOptions['counters'];
  readonly #log: ThrottledLog;
  /** How many positions the table knows. */
  #size = 0;

  constructor({ parser, maxDepth, counters, log, handlers }: DispatcherOptions) {
    this.#reader = new MessageReader({ parser, maxDepth, log });
    this.#maxDepth = maxDepth;
    this.#log = log;
    this.#counters = counters;
    this.#handlers = handlers;
  }

  /**
   * A client's handlers, with those of one more gateway. Gateways come in the same order for each
   * client. The list is as long as need be: lists that grow by themselves keep room for more.
   */
  bind(bound: readonly Handler[], handlers: readonly WsMessageHandler[]): readonly Handler[] {
    for (const [i, { message, isAckHandledManually }] of handlers.entries()) {
      const position = bound.length + i;
      if (position < this.#size) continue;
      this.#size = position + 1;
      const isWatched = this.#handlers.isWatched(message);
      const entry: TableEntry = {
        position,
        name: nameOf(message),
        acksByItself: isAckHandledManually,
        isWatched,
        withoutRequest: new HandlerRun(undefined, message, isWatched),
        isStream: false,
      };
      const entries = this.#table.get(message);
      if (entries) entries.push(entry);
      else this.#table.set(message, [entry]);
    }
    const callbacks = handlers.map(({ callback }) => callback);
    return bound.length === 0 ? callbacks : bound.concat(callbacks);
  }

  /** Never throws, whatever a client sends. */
  dispatch(
    socket: BackplaneSocket,
    bound: readonly Handler[],
    data: RawData,
    binary: boolean,
  ): void {
    const message = this.#reader.read(data, binary);
    if (!message) return;
    if (message instanceof TooDeepMessage) return this.#refuse(message, socket);
    const { event, id } = message;
    if (event === undefined && isRequestId(id)) {
      if (socket.takeAnswer(id, message, byteLengthOf(data))) return;
      if (!this.#table.has(undefined)) {
        this.#counters.strayAnswers++;
        return;
      }
    }
    const reserved = typeof event === 'string' && event.startsWith(RESERVED_PREFIX);
    const entries = reserved ? undefined : this.#table.get(event);
    const request =
      isRequestId(id) && event !== undefined
        ? new ClientRequest(socket, id, handlersAmong(entries, bound))
        : undefined;
    if (!entries) {
      request?.fail({ status: 'error', message: `No handler for ${nameOf(event)}` });
      return;
    }
    for (const entry of entries) {
      const handler = bound[entry.position];
      if (handler) this.#run(handler, entry, message, socket, request);
    }
  }

  /**
   * Whether the frame answers an open question to the client; then it is taken. Called before the
   * client is admitted: the frame is read once more when it is dispatched. Never throws.
   */
  takeAnswer(socket: BackplaneSocket, data: RawData, binary: boolean): boolean {
    const message = this.#reader.read(data, binary);
    if (!message || message.event !== undefined || !isRequestId(message.id)) return false;
    if (message instanceof TooDeepMessage) return this.#takeTooDeepAnswer(message, socket);
    return socket.takeAnswer(message.id, message, byteLengthOf(data));
  }

  /** An exception that Nest's filter sends while a request is handled is the request's answer. */
  takesAsAnswer(socket: BackplaneSocket, event: string, data: unknown): boolean {
    if (event !== 'exception') return false;
    const { request } = currentRun() ?? {};
    if (request?.socket !== socket || request.answered) return false;
    request.fail(data);
    return true;
  }

  /** As {@link takesAsAnswer}, of a raw frame. */
  takesFrameAsAnswer(socket: BackplaneSocket, frame: unknown): boolean {
    const run = currentRun();
    if (!run || run.request?.socket !== socket || run.request.answered) return false;
    const exception = exceptionIn(frame, run.hasFailed);
    return exception !== undefined && this.takesAsAnswer(socket, 'exception', exception.data);
  }

  /** A request gets a failure as its answer, a question of ours one as the client's. */
  #refuse(tooDeep: TooDeepMessage, socket: BackplaneSocket): void {
    const { event, id } = tooDeep;
    if (isRequestId(id) && event === undefined && this.#takeTooDeepAnswer(tooDeep, socket)) return;
    this.#counters.tooDeep++;
    if (isRequestId(id) && event !== undefined)
      new ClientRequest(socket, id, 0).fail(this.#failureOfDepth());
  }

  #takeTooDeepAnswer({ id }: TooDeepMessage, socket: BackplaneSocket): boolean {
    const error = this.#failureOfDepth();
    const isTaken = socket.takeAnswer(id, { error }, error.message.length);
    if (isTaken) this.#counters.tooDeep++;
    return isTaken;
  }

  #failureOfDepth(): Failure {
    return { status: 'error', message: `Nested deeper than ${this.#maxDepth} levels` };
  }

  #run(
    handler: Handler,
    entry: TableEntry,
    message: ClientMessage,
    socket: BackplaneSocket,
    request: ClientRequest | undefined,
  ): void {
    if (request) this.#handlers.sawRequest = true;
    const run = request
      ? new HandlerRun(request, message.event, entry.isWatched)
      : entry.withoutRequest;
    // Else an Observable that a message without an `id` began might fail in the context of a
    // request.
    if (this.#handlers.sawRequest || entry.isStream)
      inRun(run, () => this.#handle(handler, entry, message, socket, run));
    else this.#handle(handler, entry, message, socket, run);
  }

  #handle(
    handler: Handler,
    entry: TableEntry,
    { event, data }: ClientMessage,
    socket: BackplaneSocket,
    run: HandlerRun,
  ): void {
    // The pipeline of Nest adds the pattern itself. `@Ack()` finds the function among the
    // arguments; code that was written for Socket.IO takes it from index 2, where a message without
    // an `id` has its event.
    const result = (
      run.request ? handler(data, run.ack, run.ack) : handler(data, event)
    ) as Promise<unknown>;
    Promise.resolve(result).then(
      (value) => {
        try {
          this.#respond(value, entry, socket, run);
        } catch (error) {
          // A value that only looks like an Observable.
          this.#failed(error, entry, socket, run.request);
        }
      },
      (error: unknown) => this.#failed(error, entry, socket, run.request),
    );
  }

  #respond(value: unknown, entry: TableEntry, socket: BackplaneSocket, run: HandlerRun): void {
    const { request } = run;
    if (!isObservable(value)) {
      if (value === undefined) this.#respondNothing(entry, socket, run);
      else this.#respondWith(value, entry, socket, run);
      return;
    }
    entry.isStream = true;
    // Nobody is left to read it, and no close will come to end it.
    if (socket.readyState === CLOSED) return;
    const subscription = value.subscribe({
      next: (one) => {
        if (one !== undefined) this.#respondWith(one, entry, socket, run);
      },
      error: (error: unknown) => this.#failed(error, entry, socket, request),
      complete: () => this.#respondNothing(entry, socket, run),
    });
    if (!subscription.closed) {
      const end = (): void => subscription.unsubscribe();
      socket.once('close', end);
      subscription.add(() => socket.off('close', end));
    }
  }

  #respondWith(value: unknown, entry: TableEntry, socket: BackplaneSocket, run: HandlerRun): void {
    const { request } = run;
    try {
      if (request && !request.answered && !entry.acksByItself) request.answer(value);
      else if (value !== null && !(request && entry.acksByItself)) send(socket, value);
    } catch (error) {
      this.#failed(error, entry, socket, request);
    }
  }

  /**
   * A void handler has sent nothing, but a request is due its answer; also a failure, where no
   * filter has said it.
   */
  #respondNothing(entry: TableEntry, socket: BackplaneSocket, run: HandlerRun): void {
    const { request } = run;
    if (!request || request.answered) return;
    try {
      const failure = run.endsWithoutValue();
      if (failure !== undefined || !entry.acksByItself) request.endSilently(failure);
    } catch (error) {
      this.#failed(error, entry, socket, request);
    }
  }

  /**
   * Only what no filter has handled comes here: a filter that threw, or a value that JSON cannot
   * hold.
   */
  #failed(
    error: unknown,
    { name }: TableEntry,
    socket: BackplaneSocket,
    request: ClientRequest | undefined,
  ): void {
    this.#log.error(`handler:${name}`, `A handler of ${name} failed`, error);
    if (request && !request.answered) request.fail(INTERNAL_ERROR);
    else if (!request) send(socket, { event: 'exception', data: INTERNAL_ERROR });
  }
}

function handlersAmong(entries: readonly TableEntry[] = [], bound: readonly Handler[]): number {
  return entries.filter(({ position }) => bound[position]).length;
}

function send(socket: BackplaneSocket, response: unknown): void {
  const text = jsonText("The handler's return value", response);
  if (socket.readyState === OPEN) socket.writeText(text);
}

/**
 * Short, and of a string only: an event may be anything that a client sends, thousands of levels
 * deep.
 */
function nameOf(event: unknown): string {
  return typeof event === 'string' ? `the event ${quote(event)}` : 'an event that is no string';
}
