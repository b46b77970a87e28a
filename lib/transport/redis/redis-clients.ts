import { Redis, type RedisOptions } from 'ioredis';

import type { RedisSource } from './redis-source.js';

export interface RedisClients {
  readonly commands: Redis;
  readonly subscriber: Redis;
  readonly ownsCommands: boolean;
  /**
   * The `keyPrefix` that ioredis puts in front of keys; it leaves channels alone, so the transport
   * adds it there.
   */
  readonly prefix: string;
}

/** Messages that wait in the memory of instances wait for the slowest of them. */
const MAX_RETRY_DELAY_MS = 500;

/** With jitter, so that instances do not come back to a Redis all at once. */
function retryDelayMs(attempt: number): number {
  const ceiling = Math.min(MAX_RETRY_DELAY_MS, 50 * 2 ** Math.min(attempt, 10));
  return Math.round(ceiling / 2 + Math.random() * (ceiling / 2));
}

// A message that could not leave at once is the cluster's to count, not ioredis's to keep: nothing
// is queued while the link is away, and what was under way when it closed is rejected (0 retries),
// never sent a second time.
const OURS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  disconnectTimeout: 250,
  keyPrefix: '',
  // Replies look as the transport reads them, and commands leave in the order of the calls.
  stringNumbers: false,
  // Of ioredis 6; ioredis 5 has no such option.
  replyMapping: 'legacy',
  enableAutoPipelining: false,
} satisfies RedisOptions & { replyMapping?: 'legacy' };

/**
 * Makes the two connections of a transport. None of them is open yet, except a client that the app
 * gave.
 */
export function makeClients(source: RedisSource): RedisClients {
  if (source.kind === 'client') {
    const { client } = source;
    return {
      commands: client,
      subscriber: client.duplicate({
        ...OURS,
        retryStrategy: retryDelayMs,
        reconnectOnError: neverResending(client.options),
      }),
      ownsCommands: false,
      prefix: prefixOf(client.options),
    };
  }
  const { options } = source;
  const commands = new Redis({
    ...options,
    ...OURS,
    retryStrategy: everRetrying(options),
    reconnectOnError: neverResending(options),
  });
  return {
    commands,
    subscriber: commands.duplicate({ retryStrategy: retryDelayMs }),
    ownsCommands: true,
    prefix: prefixOf(options),
  };
}

/**
 * A command that Redis refused is not sent again by ioredis: it would overtake others, or double.
 */
function neverResending({ reconnectOnError }: RedisOptions): RedisOptions['reconnectOnError'] {
  if (!reconnectOnError) return undefined;
  return (error) => Boolean(reconnectOnError(error));
}

/** A client that gives up is not there when Redis is back. */
function everRetrying({ retryStrategy }: RedisOptions): (attempt: number) => number {
  return (attempt) => {
    const ms = retryStrategy?.(attempt);
    return typeof ms === 'number' ? ms : retryDelayMs(attempt);
  };
}

/**
 * Another connection to the same Redis, not open yet. It gives up when it is lost, and puts no
 * prefix before keys.
 */
export function siblingOf(commands: Redis): Redis {
  const sibling = commands.duplicate({
    ...OURS,
    retryStrategy: () => null,
    reconnectOnError: null,
  });
  // Without a listener, ioredis prints what its commands reject with anyway.
  return sibling.on('error', () => {});
}

function prefixOf({ keyPrefix }: RedisOptions): string {
  return keyPrefix == null ? '' : keyPrefix.toString();
}

/**
 * OutcomeCallbacks the client's connection. ioredis listens for one error of a stream; a TLS
 * handshake that is broken off may have another, which would end the process.
 * @param reconnect makes another connection then
 */
export function disconnect(client: Redis, reconnect = false): void {
  client.stream?.on('error', () => {});
  client.disconnect(reconnect);
}
