import type { AnyEvents, EventName } from '../cluster/common/events.js';
import { DEFAULT_BACKPLANE } from '../adapter/options/adapter.tokens.js';

export interface OnServerEventOptions {
  /** The hub whose server events are meant. Default `/`. */
  readonly hub?: string | undefined;
  /** The name of the backplane, where the app has several. */
  readonly backplane?: string | undefined;
}

/** The note of the decorator on a method. */
export interface ServerEventBinding {
  readonly event: string;
  readonly hub: string;
  readonly backplane: string;
}

const BINDINGS = 'nestjs-redis-backplane:server-events';

/** The data of the named event; any where none is named. */
type DataOf<ServerEvents extends object, Name extends keyof ServerEvents> = [Name] extends [never]
  ? // eslint-disable-next-line @typescript-eslint/no-explicit-any
    any
  : ServerEvents[Name];

/**
 * The method, of any provider or controller that is no request-scoped one, hears a server event of
 * the other instances: what `serverSideEmit` tells and `serverSideRequest` asks. It is called with
 * the data and `{ instanceId }`; what it returns is the answer.
 *
 * Typed by a map of events: `@OnServerEvent<Internal>('cache.clear')` checks the name,
 * `@OnServerEvent<Internal, 'cache.clear'>('cache.clear')` the method's data, too.
 */
export function OnServerEvent<
  ServerEvents extends object = AnyEvents,
  Name extends EventName<ServerEvents> = never,
>(
  event: [Name] extends [never] ? EventName<ServerEvents> : Name,
  { hub = '/', backplane = DEFAULT_BACKPLANE }: OnServerEventOptions = {},
): <Method extends (data: DataOf<ServerEvents, Name>, context: { instanceId: string }) => unknown>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void {
  return (_target, _key, descriptor) => {
    const method = descriptor.value!;
    const present = bindingsOf(method);
    Reflect.defineMetadata(BINDINGS, [...present, { event, hub, backplane }], method);
  };
}

export function bindingsOf(method: unknown): readonly ServerEventBinding[] {
  if (typeof method !== 'function') return [];
  return (Reflect.getMetadata(BINDINGS, method) as ServerEventBinding[] | undefined) ?? [];
}
