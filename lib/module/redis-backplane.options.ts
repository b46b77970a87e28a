import type { FactoryProvider, ModuleMetadata, Provider, Type } from '@nestjs/common';
import type { Redis, RedisOptions } from 'ioredis';
import type { ServerOptions } from 'ws';

import type {
  Authenticate,
  Given,
  GivenLimits,
  HeartbeatOptions,
  MessageParser,
  SlowClientPolicy,
} from '../adapter/options/adapter.options.js';
import type { LeaseOptions } from '../cluster/membership/instances.js';
import type { HistoryOption } from './history-option.js';

/** The options of a backplane. All may be left out. */
export interface RedisBackplaneOptions {
  /**
   * A URL, ioredis options, or an ioredis client, which is used for commands only and never closed;
   * `'memory'` for no Redis at all (one process). Default: the environment's `REDIS_URL`, else
   * `redis://localhost:6379`.
   */
  redis?: string | Given<RedisOptions> | Redis | undefined;
  /**
   * The names under which this app's traffic travels. Apps with other keys do not hear each other;
   * several keys spread the traffic. Default `['backplane']`.
   */
  eventKeys?: string | readonly string[] | undefined;
  /** Install the adapter by itself. Default true. An adapter that the app sets wins in any case. */
  adapter?: boolean | undefined;
  /** A Redis that cannot be reached fails the boot. Default false: the app starts degraded. */
  failFast?: boolean | undefined;
  /** How long a publish or a request to Redis may take. Default 2,000. */
  commandTimeoutMs?: number | undefined;
  /**
   * Limit for messages that wait for Redis in the memory of this instance, when more is sent at
   * once than Redis takes: their bytes and 512 for each. More is refused: `publish` rejects, and
   * `emit` counts it in `stats().unsent`. Default 64 MiB.
   */
  redisBufferBytes?: number | undefined;
  /**
   * An outage of Redis, of the link of one instance, or of one half of a link loses no message of
   * `emit` to targets without a history, if it is not longer than this. Senders keep the messages
   * in memory and send them again, and other instances ask for those that they missed. 0 turns that
   * off. Default 10,000.
   */
  liveWindowMs?: number | undefined;
  /** How much of it a sender keeps; then the oldest goes first. Default 32 MiB. */
  liveWindowBytes?: number | undefined;
  /**
   * For how long this instance counts as alive without a word, and how often it gives one. Default
   * `{ ttlMs: 10_000, renewEveryMs: 3_000 }`.
   */
  lease?: Given<LeaseOptions> | undefined;
  /**
   * Pings to silent clients; `false` turns them off. Default `{ intervalMs: 25_000, timeoutMs:
   * 10_000 }`.
   */
  heartbeat?: Given<HeartbeatOptions> | false | undefined;
  /** Of one message from a client; more closes the connection with 1009. Default 1 MiB. */
  maxPayloadBytes?: number | undefined;
  /**
   * How deep lists and objects may nest in the data of a client's message, and in its event, id and
   * error. A request that nests deeper is answered with a failure; without an `id` it is dropped,
   * and counted as `stats().tooDeep`. `false` turns the check off. Default 64.
   */
  maxDepth?: number | false | undefined;
  /**
   * How much a client may leave unread before it counts as slow. Default 1 MiB. It holds for
   * broadcasts, `emit` and answers; `client.send` is as on a `ws` socket.
   */
  bufferLimitBytes?: number | undefined;
  /**
   * How much all clients of this instance together may leave unread. Beyond it the slowest go
   * first, as `slowClient` says. Default 256 MiB. A broadcast's bytes count for each client that
   * has them unread, though they are in memory once.
   */
  totalBufferLimitBytes?: number | undefined;
  /**
   * The treatment of a slow client: `'disconnect'` (4408, the default); `'drop'`: it misses
   * messages until it has read; `'pause'`: as `'drop'`, but what has a history waits there, and
   * comes when it has read (or `onContinuityLost` says that it is gone). Messages to this client
   * alone may then take as much again, before it is disconnected.
   */
  slowClient?: SlowClientPolicy | undefined;
  /**
   * How long a broadcast may wait for others to leave with it in one write. Default 0: only what
   * one turn of the event loop has.
   */
  coalesceMs?: number | undefined;
  /**
   * Rooms, users and hubs whose messages are kept for a while, in Redis: their members see one
   * order, and what is lost on the way is repaired, or said (`onContinuityLost`). The first rule
   * that matches wins. Default none.
   */
  history?: readonly HistoryOption[] | undefined;
  /** For how long a `publish` with an `id` knows that it was there before. Default 300,000. */
  idempotencyTtlMs?: number | undefined;
  /**
   * Asked at the upgrade who connects. Default: the provider under `BACKPLANE_AUTHENTICATOR`, else
   * nobody is asked.
   */
  authenticate?: Authenticate | undefined;
  /** How long that may take; then the upgrade is refused with 503. Default 5,000. */
  authenticateTimeoutMs?: number | undefined;
  /**
   * How long the runs of `handleConnection` for one client, of all gateways together, may take.
   * Then the client is closed with 1013, what it had sent is dropped, and `handleDisconnect` is
   * called. One that takes as long is waited for no longer. Default 30,000.
   */
  connectionTimeoutMs?: number | undefined;
  /** Lets in whom the authenticator knows nothing of. Default true. */
  allowAnonymous?: boolean | undefined;
  /** Reads clients' frames. Default: JSON. */
  messageParser?: MessageParser | undefined;
  /** Compression, as in `ws`. Default false. */
  perMessageDeflate?: ServerOptions['perMessageDeflate'] | undefined;
  /**
   * Limits for one client. Each is a number, which itself is allowed, or `false` for no limit.
   * Default `{ rooms: 1_000 }`.
   *
   * `rooms`: in how many rooms a client may be at a time. A `join` that would go beyond it, from
   * whichever instance, joins none of its rooms and rejects with `LimitExceededError`.
   */
  limits?: GivenLimits | undefined;
}

/** Options of the module, not of the backplane. */
export interface RedisBackplaneModuleExtras {
  /** Where an app has several backplanes: what `@InjectBackplane(name)` asks for. Default: none. */
  name?: string | undefined;
  /** Provide the backplane to all modules. Default true. */
  isGlobal?: boolean | undefined;
  /** Providers of the module itself, for the factory to inject. Default none. */
  extraProviders?: Provider[] | undefined;
}

export type RedisBackplaneModuleOptions = RedisBackplaneOptions & RedisBackplaneModuleExtras;

/** The interface of `useClass` and `useExisting`. */
export interface RedisBackplaneOptionsFactory {
  createRedisBackplaneOptions(): RedisBackplaneOptions | Promise<RedisBackplaneOptions>;
}

/** Options from dependency injection: exactly one of `useFactory`, `useClass` and `useExisting`. */
export interface RedisBackplaneModuleAsyncOptions
  extends
    RedisBackplaneModuleExtras,
    Pick<ModuleMetadata, 'imports'>,
    Pick<FactoryProvider, 'inject'> {
  useFactory?:
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    ((...args: any[]) => RedisBackplaneOptions | Promise<RedisBackplaneOptions>) | undefined;
  useClass?: Type<RedisBackplaneOptionsFactory> | undefined;
  useExisting?: Type<RedisBackplaneOptionsFactory> | string | symbol | undefined;
}
