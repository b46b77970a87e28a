import type { Side } from '../recording.js';

/** The room that all clients are in. */
export const ROOM = 'outage';
/** The event of its messages. */
export const EVENT = 'numbered';

/** A message as it travels. */
export interface Numbered {
  readonly from: Side;
  /** 0: it only tries the way, and does not count. */
  readonly n: number;
}

/** A client that is in the room. */
export interface Listener {
  close(): Promise<unknown> | void;
}

/** One instance of what is tried, with connections to Redis of its own. */
export interface Party {
  /** To the room. */
  emit(message: Numbered): void;
  /** Resolves when the client is in the room of this instance. */
  listen(onMessage: (message: Numbered) => void): Promise<Listener>;
  /** What it counts itself, if anything. */
  told(): Readonly<Record<string, number>>;
  close(): Promise<unknown>;
}

export interface PartySettings {
  readonly redisPort: number;
  /** Of ours: `liveWindowMs`, if not the default. */
  readonly windowMs?: number;
}

export interface Subject {
  readonly name: string;
  readonly title: string;
  start(settings: PartySettings): Promise<Party>;
}
