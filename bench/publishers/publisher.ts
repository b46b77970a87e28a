import type { ServerSettings } from '../common/target.js';

/** Publishes one message to each of the rooms, all at once; resolves when Redis has taken them. */
export type PublishAll = (rooms: readonly string[], text: string) => Promise<unknown>;

/** What a file beside this one exports as `start`. */
export type StartPublisher = (settings: ServerSettings) => Promise<PublishAll>;

export interface PublishWork {
  /** The messages go to so many rooms in turn. */
  readonly rooms: number;
  readonly payloadBytes: number;
  /** How many messages; by number and not by time, so that a busy machine warms up as well. */
  readonly count: number;
}
