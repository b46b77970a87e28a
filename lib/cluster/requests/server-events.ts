import { messageOf, quote } from '../../errors/quote.js';
import type { Reply } from './response-writer.js';
import type { ChannelNames } from '../wire/channels.js';
import type { Subscriptions } from '../link/subscriptions.js';
import type { ThrottledLog } from '../common/throttled-log.js';

/** Of the instance that sent a server event. */
export interface ServerEventContext {
  readonly instanceId: string;
}

/** Its return value, or what its promise resolves with, answers a `serverSideRequest`. */
export type ServerEventHandler<Data = unknown> = (
  data: Data,
  context: ServerEventContext,
) => unknown;

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyHandler = ServerEventHandler<any>;

export interface ServerEventsOptions {
  readonly channels: ChannelNames;
  readonly subscriptions: Subscriptions;
  readonly log: ThrottledLog;
  /** The hubs that are listened to have changed. */
  readonly onChange: () => void;
}

/** The handlers of this instance for events of the other instances, by hub. */
export class ServerEvents {
  readonly #options: ServerEventsOptions;
  readonly #hubs = new Map<string, Map<string, Set<AnyHandler>>>();
  /** The hubs whose channel is confirmed. */
  readonly #confirmed = new Set<string>();

  readonly #confirming = new Set<Promise<void>>();

  constructor(options: ServerEventsOptions) {
    this.#options = options;
  }

  /** The hubs whose server events this instance hears. */
  hubs(): string[] {
    return [...this.#confirmed];
  }

  /**
   * Resolves when all that is listened to is heard, or when there is no point in waiting for that.
   */
  async subscribed(): Promise<void> {
    await Promise.all(this.#confirming);
  }

  /** Each call is taken back by the function that it returns. */
  on(hub: string, event: string, handler: AnyHandler): () => void {
    // A handler that is given twice is called twice.
    const own: AnyHandler = (data, context) => handler(data, context);
    const events = this.#hubs.get(hub) ?? this.#listenTo(hub);
    const handlers = events.get(event);
    if (handlers) handlers.add(own);
    else events.set(event, new Set([own]));
    return () => this.#off(hub, event, own);
  }

  /** Calls all handlers; the first one answers. Never throws. */
  handle(hub: string, event: string, data: string, from: string, reply: Reply | undefined): void {
    const handlers = [...(this.#hubs.get(hub)?.get(event) ?? [])];
    if (handlers.length === 0) reply?.({ failed: 'NO_HANDLER' }, true);
    handlers.forEach((handler, index) => {
      const answer = index === 0 ? reply : undefined;
      // Each gets its own copy, as each would in a process of its own.
      const result = (async () =>
        handler(data === '' ? undefined : JSON.parse(data), { instanceId: from }))();
      result
        .then((value) => answer?.({ data: value }, true))
        .catch((error: unknown) => this.#failed(event, error, answer));
    });
  }

  #failed(event: string, error: unknown, answer: Reply | undefined): void {
    // An event that has a handler: the name is the app's.
    const line = `A handler of the server event ${quote(event)} failed`;
    this.#options.log.error(`server-event:${event}`, line, error);
    answer?.({ failed: 'HANDLER_FAILED', message: messageOf(error) }, true);
  }

  #listenTo(hub: string): Map<string, Set<AnyHandler>> {
    const events = new Map<string, Set<AnyHandler>>();
    this.#hubs.set(hub, events);
    const { channels, subscriptions, onChange } = this.#options;
    const confirmed = subscriptions.acquire(channels.server(hub)).confirmed.then(() => {
      this.#confirming.delete(confirmed);
      if (this.#hubs.get(hub) !== events) return;
      this.#confirmed.add(hub);
      onChange();
    });
    this.#confirming.add(confirmed);
    return events;
  }

  #off(hub: string, event: string, handler: AnyHandler): void {
    const events = this.#hubs.get(hub);
    const handlers = events?.get(event);
    if (!handlers?.delete(handler) || handlers.size > 0) return;
    events!.delete(event);
    if (events!.size > 0) return;
    this.#hubs.delete(hub);
    this.#confirmed.delete(hub);
    this.#options.subscriptions.release(this.#options.channels.server(hub));
    this.#options.onChange();
  }
}
