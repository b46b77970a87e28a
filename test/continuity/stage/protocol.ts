import type { BackplaneStats, RedisBackplaneOptions } from 'nestjs-redis-backplane';
import type { Plan } from '../plan/plan.js';
import type { Acknowledgement } from '../verdict/verify-log.js';

/** What an instance's process is started with. */
export interface InstanceOptions {
  readonly name: string;
  readonly backplane: RedisBackplaneOptions;
  readonly writer: WriterOptions;
}

export interface WriterOptions extends Pick<
  Plan,
  'seed' | 'rooms' | 'messagesPerSecond' | 'emitsOnly' | 'largestPadding'
> {}

/** What an instance's process is told. */
export type Order =
  | { readonly order: 'write' }
  /** Hold the event loop up. */
  | { readonly order: 'block'; readonly ms: number }
  /** Emit so many at once. */
  | { readonly order: 'burst'; readonly messages: number }
  /** Write nothing more; answer `finished` when all that was written has gone. */
  | { readonly order: 'finish' };

/** What it tells. Times are ms since 1970. */
export type Report =
  | { readonly report: 'listening'; readonly port: number }
  | { readonly report: 'acknowledged'; readonly acknowledgements: readonly Acknowledgement[] }
  | {
      readonly report: 'finished';
      /** The uids of the messages that were emitted. */
      readonly emitted: readonly string[];
      /** The uids of those that were refused at their first try, and given up. */
      readonly refused: readonly string[];
      readonly stats: BackplaneStats;
    };
