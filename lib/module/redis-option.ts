import type { Redis } from 'ioredis';

import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import type { RedisSource } from '../transport/redis/redis-source.js';
import { isPlainObject, mendOfNumber, typeOf, wrong } from '../adapter/option-checks.js';

const DEFAULT_URL = 'redis://localhost:6379';
const EXPECTED = "a redis:// or rediss:// URL, ioredis options, an ioredis client, or 'memory'";

/** What the option `redis` says, checked. No message holds the value: a URL has the password in it. */
export function redisSource(given: unknown, env: NodeJS.ProcessEnv): RedisSource | 'memory' {
  if (given === undefined) {
    return env.REDIS_URL
      ? urlSource(env.REDIS_URL, 'REDIS_URL')
      : { kind: 'url', url: DEFAULT_URL };
  }
  if (given === 'memory') return 'memory';
  if (typeof given === 'string') return urlSource(given, 'redis');
  if (isCluster(given)) {
    throw new BackplaneConfigError(
      'The option "redis" names a Redis Cluster, which this version does not support yet. Give a single Redis (or one behind Sentinel).',
    );
  }
  if (isClient(given)) return { kind: 'client', client: given };
  if (isPlainObject(given)) return optionsSource(given);
  throw wrong('redis', EXPECTED, given);
}

function urlSource(url: string, where: string): RedisSource {
  let protocol: string | undefined;
  try {
    ({ protocol } = new URL(url));
  } catch {
    throw new BackplaneConfigError(
      `The option "${where}" must be ${EXPECTED}, got a string that is no URL. Write redis://host:port; percent-encode what is special in a password.`,
    );
  }
  // What stands before a colon may be a user, or a password.
  if (!url.startsWith(`${protocol}//`)) {
    throw new BackplaneConfigError(
      `The option "${where}" must be ${EXPECTED}, got a string without "://". Write redis://host:port.`,
    );
  }
  if (protocol !== 'redis:' && protocol !== 'rediss:') {
    throw new BackplaneConfigError(
      `The option "${where}" must be ${EXPECTED}, got a URL that starts with "${protocol}". Write redis://host:port.`,
    );
  }
  return { kind: 'url', url };
}

function optionsSource(options: Record<string, unknown>): RedisSource {
  const { host, port, password, username, db, tls } = options;
  if (host != null && typeof host !== 'string') throw wrong('redis.host', 'a string', host);
  for (const [name, value] of Object.entries({ password, username })) {
    if (value == null || typeof value === 'string') continue;
    // Not by `wrong`, which shows a number.
    throw new BackplaneConfigError(
      `The option "redis.${name}" must be a string, got ${typeof value === 'number' ? 'a number' : typeOf(value)}. Put it in quotes.`,
    );
  }
  if (host === '') throw wrong('redis.host', 'a host name or an address', host);
  wholeNumber('redis.port', port, 1, 65_535);
  wholeNumber('redis.db', db, 0, Number.MAX_SAFE_INTEGER);
  if (tls != null && typeof tls !== 'object') {
    throw wrong('redis.tls', 'an object of TLS options', tls, 'Write tls: {} for the defaults.');
  }
  return { kind: 'options', options };
}

function wholeNumber(option: string, value: unknown, least: number, most: number): void {
  if (value == null) return;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw wrong(option, `a whole number from ${least} to ${most}`, value, mendOfNumber(value));
  }
}

// By shape: the app's copy of ioredis may be another than ours.
function isClient(value: unknown): value is Redis {
  const client = value as Partial<Redis> | null;
  return (
    typeof client?.duplicate === 'function' &&
    typeof client.publish === 'function' &&
    typeof client.on === 'function'
  );
}

function isCluster(value: unknown): boolean {
  const cluster = value as { isCluster?: unknown; nodes?: unknown } | null;
  return cluster?.isCluster === true || (isPlainObject(value) && 'nodes' in value);
}
