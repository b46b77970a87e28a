/** Without an event map, any event goes with any data. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyEvents = Record<string, any>;

/** The names in an event map. */
export type EventName<Events extends object> = keyof Events & string;

/**
 * The arguments after the event's name: the data, which may be left out where `undefined` is among
 * its values.
 */
export type EventArguments<
  Events extends object,
  Name extends EventName<Events>,
> = undefined extends Events[Name] ? [data?: Events[Name]] : [data: Events[Name]];

/** As {@link EventArguments}, and then options. */
export type RequestArguments<
  Events extends object,
  Name extends EventName<Events>,
  Options,
> = undefined extends Events[Name]
  ? [data?: Events[Name], options?: Options | null]
  : [data: Events[Name], options?: Options | null];
