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
  const given = source.kind === 'options' ? source.options : {};
  const own: RedisOptions = { retryStrategy: retryDelayMs, ...given, ...OURS };
  const commands = source.kind === 'url' ? new Redis(source.url, own) : new Redis(own);
  return {
    commands,
    subscriber: commands.duplicate({ retryStrategy: retryDelayMs }),
    ownsCommands: true,
    prefix: prefixOf(given),
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
