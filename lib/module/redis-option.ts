import type { Redis } from 'ioredis';

import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import type { RedisSource } from '../transport/redis/redis-source.js';
import { isPlainObject, invalidOption } from '../adapter/options/option-checks.js';
import { assertConnectionOptions } from './redis-connection-checks.js';
import { EXPECTED_REDIS, optionsOfUrl } from './redis-url.js';

const DEFAULT_URL = 'redis://localhost:6379';

/** The option `redis`, checked. No message holds the value: a URL has the password in it. */
export function redisSource(given: unknown, env: NodeJS.ProcessEnv): RedisSource | 'memory' {
  if (given === undefined) {
    return env.REDIS_URL ? urlSource(env.REDIS_URL, 'REDIS_URL') : urlSource(DEFAULT_URL, 'redis');
  }
  if (given === 'memory') return 'memory';
  if (typeof given === 'string') return urlSource(given, 'redis');
  if (isCluster(given)) {
    throw new BackplaneConfigError(
      'The option "redis" names a Redis Cluster, which this version does not support yet. Give a single Redis (or one behind Sentinel).',
    );
  }
  if (isClient(given)) return clientSource(given);
  if (isNodeRedis(given)) {
    throw new BackplaneConfigError(
      'The option "redis" is a client of the package "redis" (node-redis); this library works with ioredis. ' +
        'Give its URL or ioredis options instead; the backplane makes its own connections.',
    );
  }
  if (isPlainObject(given)) return optionsSource(given, 'redis');
  throw invalidOption(
    'redis',
    EXPECTED_REDIS,
    given,
    given instanceof Promise ? 'Await it first.' : undefined,
  );
}

function urlSource(url: string, where: string): RedisSource {
  return optionsSource(optionsOfUrl(url, where) as Record<string, unknown>, where);
}

function optionsSource(options: Record<string, unknown>, where: string): RedisSource {
  assertConnectionOptions(options, where);
  return { kind: 'options', options };
}

function clientSource(client: Redis): RedisSource {
  const { role, monitor, db } = client.options;
  if (db != null && !Number.isInteger(db)) {
    throw new BackplaneConfigError(
      'The option "redis" is an ioredis client whose "db" is no whole number. Does its URL have a path that is none?',
    );
  }
  if (role === 'slave' || monitor || (client.status as string) === 'monitoring') {
    throw new BackplaneConfigError(
      'The option "redis" is an ioredis client that cannot write (role: \'slave\', or in monitor mode). Give one for the master, or options.',
    );
  }
  return { kind: 'client', client };
}

// By shape: the app's copy of ioredis may be another than ours.
function isClient(value: unknown): value is Redis {
  const client = value as Partial<Redis> | null;
  return (
    typeof client?.status === 'string' &&
    typeof client.duplicate === 'function' &&
    typeof client.publish === 'function' &&
    typeof client.on === 'function'
  );
}

function isNodeRedis(value: unknown): boolean {
  const client = value as { isOpen?: unknown; masters?: unknown; sendCommand?: unknown } | null;
  return (
    typeof client?.sendCommand === 'function' &&
    (typeof client.isOpen === 'boolean' || 'masters' in client)
  );
}

function isCluster(value: unknown): boolean {
  const cluster = value as { isCluster?: unknown; nodes?: unknown } | null;
  return cluster?.isCluster === true || (isPlainObject(value) && 'nodes' in value);
}
