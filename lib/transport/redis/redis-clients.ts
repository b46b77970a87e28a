import { Redis, type RedisOptions } from 'ioredis';

import type { RedisSource } from './redis-source.js';

export interface RedisClients {
  readonly commands: Redis;
  readonly subscriber: Redis;
  readonly ownsCommands: boolean;
  /** What ioredis puts in front of keys (`keyPrefix`); it leaves channels alone, so the transport adds it. */
  readonly prefix: string;
}

const MAX_RETRY_DELAY_MS = 2_000;

/** Full jitter up to two seconds, so that instances do not come back to a Redis all at once. */
function retryDelayMs(attempt: number): number {
  const ceiling = Math.min(MAX_RETRY_DELAY_MS, 50 * 2 ** Math.min(attempt, 10));
  return Math.round(ceiling / 2 + Math.random() * (ceiling / 2));
}

// A message that could not leave at once is the cluster's to count, not ioredis's to keep: nothing is queued while the
// link is away, and what was under way when it closed is rejected (0 retries), never sent a second time.
const OURS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  disconnectTimeout: 250,
  keyPrefix: '',
} satisfies RedisOptions;

/** Makes the two connections of a transport. None of them is open yet, except a client that the app gave. */
export function makeClients(source: RedisSource): RedisClients {
  if (source.kind === 'client') {
    const { client } = source;
    return {
      commands: client,
      subscriber: client.duplicate({ ...OURS, retryStrategy: retryDelayMs }),
      ownsCommands: false,
      prefix: prefixOf(client.options),
    };
  }
  const { url, options } = source.kind === 'url' ? withoutOurs(source.url) : { ...source, url: '' };
  const own: RedisOptions = { ...options, ...OURS, retryStrategy: everRetrying(options) };
  const commands = url === '' ? new Redis(own) : new Redis(url, own);
  return {
    commands,
    subscriber: commands.duplicate({ retryStrategy: retryDelayMs }),
    ownsCommands: true,
    prefix: prefixOf(options),
  };
}

/** ioredis lets a URL's query win over options. */
function withoutOurs(text: string): { url: string; options: RedisOptions } {
  const url = new URL(text);
  const keyPrefix = url.searchParams.get('keyPrefix') ?? '';
  const named = Object.keys(OURS).filter((name) => url.searchParams.has(name));
  for (const name of named) url.searchParams.delete(name);
  return { url: named.length > 0 ? url.href : text, options: { keyPrefix } };
}

/** Whoever gives up is not there when Redis is back. */
function everRetrying({ retryStrategy }: RedisOptions): (attempt: number) => number {
  return (attempt) => {
    const ms = retryStrategy?.(attempt);
    return typeof ms === 'number' ? ms : retryDelayMs(attempt);
  };
}

/** Another connection to the same Redis, not open yet. It gives up when it is lost, and puts no prefix before keys. */
export function siblingOf(commands: Redis): Redis {
  const sibling = commands.duplicate({ ...OURS, retryStrategy: () => null });
  // Without a listener, ioredis prints what its commands reject with anyway.
  return sibling.on('error', () => {});
}

function prefixOf({ keyPrefix }: RedisOptions): string {
  return keyPrefix == null ? '' : keyPrefix.toString();
}
