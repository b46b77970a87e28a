import type { RedisBackplaneOptions } from 'nestjs-redis-backplane';
import type { LivePlan } from '../plan/live-plan.js';
import type { Counted, Interruption, Publishing, Sent } from '../verdict/records.js';

/** Of the hub that all clients are in. */
export const HUB = '/live';

/** The event under which the checker's messages travel. */
export const MESSAGE_EVENT = 'm';
/** What a client is told when an event between servers has come to its instance. */
export const MARK_EVENT = 'k';

/** A message of the checker, short as there are many. */
export interface LiveMessage {
  /** Sender. */
  readonly s: string;
  /** Target. */
  readonly t: string;
  /** Sequence. */
  readonly q: number;
  /** When it was sent. */
  readonly a: number;
}

/** What an instance's process is started with. */
export interface LiveInstanceOptions {
  readonly name: string;
  /** Of all in its place. */
  readonly isFirst: boolean;
  readonly backplane: RedisBackplaneOptions;
  readonly writer: LiveWriterOptions;
  /** A client of its own is in so many rooms. */
  readonly crowdedRooms: number;
}

export interface LiveWriterOptions extends Pick<
  LivePlan,
  'rooms' | 'groups' | 'messagesPerSecond' | 'largeOneIn' | 'volatilePart'
> {
  readonly seed: number;
  readonly users: readonly string[];
}

/** What an instance's process is told. */
export type LiveOrder =
  | { readonly order: 'write' }
  /** Hold the event loop up. */
  | { readonly order: 'block'; readonly ms: number }
  | { readonly order: 'burst'; readonly target: string; readonly messages: number }
  | { readonly order: 'kick'; readonly room: string }
  | { readonly order: 'mark'; readonly room: string }
  /** The connections that there are. */
  | { readonly order: 'connections'; readonly ids: readonly string[] }
  /** Write nothing more; answer `finished` when nothing is under way. */
  | { readonly order: 'finish' }
  | { readonly order: 'count' }
  /** Close the app, answer `closed`, and end. */
  | { readonly order: 'close' };

/** A time in which the process did not get on, or messages waited in it. */
export interface Lag {
  readonly from: number;
  readonly to: number;
}

export interface Settled extends Pick<Sent, 'target' | 'sequence'> {
  readonly publishing: Publishing;
}

/** What it has counted of what went again. */
export interface LiveCounted extends Counted {
  readonly resent: number;
  readonly recovered: number;
  readonly repeated: number;
}

/** What it tells. Times are ms since 1970. */
export type LiveReport =
  | { readonly report: 'listening'; readonly port: number }
  | {
      readonly report: 'done';
      readonly sent: readonly Sent[];
      readonly settled: readonly Settled[];
      readonly lags: readonly Lag[];
      readonly interruptions: readonly Interruption[];
    }
  | { readonly report: 'finished' }
  | { readonly report: 'counted'; readonly counted: LiveCounted }
  | { readonly report: 'closed'; readonly counted: LiveCounted };
