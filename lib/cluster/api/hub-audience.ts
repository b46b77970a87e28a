import { Audience, type AudiencePublisher } from './audience.js';
import { type AudienceModifiers, DEFAULT_MODIFIERS } from '../common/audience-modifiers.js';
import { callOptions, timeoutCallOption } from '../common/call-options.js';
import type { HistoryOptions } from '../history/reader/history-page.js';
import type { HistoryOwner, HistoryPage } from '../history/reader/history-reader.js';
import type { AnyEvents, EventArguments, EventName, RequestArguments } from '../common/events.js';
import type { ServerSideResult } from '../requests/results.js';
import type { ServerEventHandler } from '../requests/server-events.js';

/** The way out of a whole hub's messages. */
export interface HubPublisher extends AudiencePublisher {
  /** Never rejects because of Redis. */
  tellServers(event: string, data: unknown): void;
  askServers(event: string, data: unknown, modifiers: AudienceModifiers): Promise<ServerSideResult>;
  onServerEvent(event: string, handler: ServerEventHandler): () => void;
  history(owner: HistoryOwner, options: HistoryOptions | null | undefined): Promise<HistoryPage>;
}

/** Everyone in a hub; and the instances that serve it, among themselves. */
export abstract class HubAudience<
  Events extends object = AnyEvents,
  ServerEvents extends object = AnyEvents,
> extends Audience<Events> {
  readonly #publisher: HubPublisher;

  /** @internal */
  constructor(publisher: HubPublisher) {
    super(publisher);
    this.#publisher = publisher;
  }

  /**
   * The messages of a room that has a history: oldest first, at most 100 messages, unless the
   * options say otherwise. It includes what left some members out.
   * @throws (rejects) BackplaneConfigError for a room without a history; TypeError for a room that
   * is no string, and for options that cannot be; BackplaneUnavailableError while Redis is away
   */
  async history(room: string, options?: HistoryOptions | null): Promise<HistoryPage> {
    return this.#publisher.history({ kind: 'room', name: room }, options);
  }

  /**
   * The messages that `toUser` sent to a user, as {@link history}. Never give it an id that a
   * client chose.
   */
  async userHistory(userId: string, options?: HistoryOptions | null): Promise<HistoryPage> {
    return this.#publisher.history({ kind: 'user', name: userId }, options);
  }

  /** The messages to the whole hub, as {@link history}. */
  async hubHistory(options?: HistoryOptions | null): Promise<HistoryPage> {
    return this.#publisher.history({ kind: 'all', name: '' }, options);
  }

  /**
   * Tells the other instances, not clients: those that listen by {@link onServerEvent}, or
   * `@OnServerEvent()`, in this hub. Fire and forget, as `emit` is.
   * @throws TypeError for data that JSON cannot hold, and for an event that is empty, no string, or
   * starts with `$`
   */
  serverSideEmit<Name extends EventName<ServerEvents>>(
    event: Name,
    ...[data]: EventArguments<ServerEvents, Name>
  ): void {
    this.#publisher.tellServers(event, data);
  }

  /**
   * Asks the other instances of this hub, and resolves with what their handlers returned. An
   * instance that has no handler, whose handler threw, that went, or did not answer in time (5,000
   * ms) is named, with the reason.
   * @throws (rejects) TypeError as {@link serverSideEmit} throws it; BackplaneClosedError
   */
  async serverSideRequest<Name extends EventName<ServerEvents>>(
    event: Name,
    ...args: RequestArguments<ServerEvents, Name, { timeoutMs?: number | undefined }>
  ): Promise<ServerSideResult> {
    const [data, given] = args;
    const options = callOptions('serverSideRequest()', given, ['timeoutMs']);
    const timeoutMs = timeoutCallOption('serverSideRequest()', options.timeoutMs);
    return this.#publisher.askServers(event, data, { ...DEFAULT_MODIFIERS, timeoutMs });
  }

  /**
   * Hears the events of other instances for this hub. The return value of the handler, or the value
   * of its promise, answers a {@link serverSideRequest}; of several handlers of one event the first
   * answers. Its errors are logged, and the caller gets them.
   * @returns the function that takes the handler off
   */
  onServerEvent<Name extends EventName<ServerEvents>>(
    event: Name,
    handler: ServerEventHandler<ServerEvents[Name]>,
  ): () => void {
    return this.#publisher.onServerEvent(event, handler as ServerEventHandler);
  }
}
