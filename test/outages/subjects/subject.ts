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

/**
 * One instance of what is tried, with connections to Redis of its own. It lives as long as its
 * process.
 */
export interface Party {
  /** To the room. */
  emit(message: Numbered): void;
  /** Lets a client in. Resolves when it is connected; it is in the room then, or soon. */
  listen(onMessage: (message: Numbered) => void): Promise<void>;
  /** What it counts itself, if anything. */
  told(): Readonly<Record<string, number>>;
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
