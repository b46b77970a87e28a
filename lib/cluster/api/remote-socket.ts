import { callOptions, timeoutCallOption } from '../common/call-options.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import { ClientAnswerError } from '../../errors/client-answer.error.js';
import { ConnectionClosedError } from '../../errors/connection-closed.error.js';
import { LimitExceededError } from '../../errors/limit-exceeded.error.js';
import { quote } from '../../errors/quote.js';
import { NoSuchConnectionError } from '../../errors/no-such-connection.error.js';
import { RequestTimeoutError } from '../../errors/request-timeout.error.js';
import type { AnyEvents, EventArguments, EventName } from '../common/events.js';
import type {
  AckResult,
  CommandResult,
  Missing,
  MissingConnection,
  Stale,
  SocketDescription,
} from '../requests/results.js';

/** An audience of one connection, as far as it is needed here. */
export interface RemoteVerbs {
  emit(event: string, data?: unknown): void;
  emitWithAck(event: string, data?: unknown): Promise<AckResult>;
  socketsJoin(rooms: readonly string[]): Promise<CommandResult>;
  socketsLeave(rooms: readonly string[]): Promise<CommandResult>;
  disconnectSockets(code?: number, reason?: string): Promise<CommandResult>;
}

/** A connection of any instance, as it was when it was fetched. */
export class RemoteSocket<Events extends object = AnyEvents> {
  readonly id: string;
  readonly userId: string | undefined;
  readonly rooms: ReadonlySet<string>;
  /** A copy, as far as JSON can hold it. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data: any;
  readonly instanceId: string;
  readonly #verbs: (timeoutMs?: number) => RemoteVerbs;

  /** @internal */
  constructor(description: SocketDescription, verbs: (timeoutMs?: number) => RemoteVerbs) {
    this.id = description.id;
    this.userId = description.userId;
    this.rooms = new Set(description.rooms);
    this.data = description.data;
    this.instanceId = description.instanceId;
    this.#verbs = verbs;
  }

  /** Sends an event to this client, as `Audience.emit` does. */
  emit<Name extends EventName<Events>>(event: Name, ...[data]: EventArguments<Events, Name>): void {
    this.#verbs().emit(event, data);
  }

  /**
   * Asks this client, and resolves with its answer.
   * @throws (rejects) as `BackplaneSocket.request`; NoSuchConnectionError;
   * BackplaneUnavailableError if its instance cannot be reached
   */
  async request(
    event: EventName<Events>,
    data?: unknown,
    given?: { timeoutMs?: number | undefined } | null,
  ): Promise<unknown> {
    const options = callOptions('request()', given, ['timeoutMs']);
    const timeoutMs = timeoutCallOption('request()', options.timeoutMs);
    const { answers, missing } = await this.#verbs(timeoutMs).emitWithAck(event, data);
    this.#assertComplete(missing);
    const [answer] = answers;
    if (!answer) throw new NoSuchConnectionError(this.id);
    if ('error' in answer) throw new ClientAnswerError(answer.error);
    return answer.data;
  }

  /**
   * @throws (rejects) TypeError for a room that is none; LimitExceededError as
   * `BackplaneSocket.join`, by the limit of the client's instance; NoSuchConnectionError;
   * RequestTimeoutError; BackplaneUnavailableError
   */
  async join(...rooms: readonly (string | readonly string[])[]): Promise<void> {
    const names = rooms.flat();
    const { missing } = await this.#verbs().socketsJoin(names);
    const [refused] = missing;
    if (refused?.reason === 'LIMIT_EXCEEDED') {
      const { max = 0 } = refused as MissingConnection;
      throw new LimitExceededError({ limit: 'rooms', max, asked: names.length });
    }
    this.#assertComplete(missing);
  }

  /** @throws (rejects) as {@link join}, but for LimitExceededError */
  async leave(...rooms: readonly (string | readonly string[])[]): Promise<void> {
    this.#assertComplete((await this.#verbs().socketsLeave(rooms.flat())).missing);
  }

  /** Closes the connection with a code (default 1000). @throws (rejects) as {@link leave} */
  async disconnect(code?: number, reason?: string): Promise<void> {
    this.#assertComplete((await this.#verbs().disconnectSockets(code, reason)).missing);
  }

  #assertComplete([missing]: readonly Missing[]): void {
    if (!missing) return;
    const { reason } = missing;
    if (reason === 'CONNECTION_CLOSED') throw new ConnectionClosedError(this.id);
    if (reason === 'REQUEST_TIMEOUT')
      throw new RequestTimeoutError(`the connection ${quote(this.id)}`);
    if (reason.startsWith('BACKPLANE')) {
      throw new BackplaneUnavailableError(
        `The instance of the connection ${quote(this.id)} cannot be reached: Redis is away, or keeps no leases. Ask again later.`,
      );
    }
    if (reason.startsWith('ANSWER')) {
      throw new BackplaneUnavailableError(
        `The answer of the connection ${quote(this.id)} did not come whole (${reason}). Ask again.`,
      );
    }
    // Its instance has gone, and it with it.
    throw new NoSuchConnectionError(this.id);
  }
}

/** The result of `fetchSockets`. */
export type FetchedSockets<Events extends object> = RemoteSocket<Events>[] &
  Stale & {
    /** The instances that did not answer, and the named connections that there are not. */
    readonly missing: readonly Missing[];
  };
