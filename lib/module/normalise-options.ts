import type { AdapterOptions } from '../adapter/options/adapter.options.js';
import {
  ADAPTER_OPTIONS,
  normaliseAdapterOptions,
} from '../adapter/options/normalise-adapter-options.js';
import {
  assertKnown,
  booleanOption,
  isPlainObject,
  integerOption,
  invalidOption,
} from '../adapter/options/option-checks.js';
import { DEFAULT_IDEMPOTENCY_TTL_MS } from '../cluster/backplane.js';
import type { HistoryRule } from '../cluster/common/history-rules.js';
import { DEFAULT_LEASE, type LeaseOptions } from '../cluster/membership/instances.js';
import { DEFAULT_LIVE, type LiveOptions } from '../cluster/live/live-options.js';
import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import type { RedisSource } from '../transport/redis/redis-source.js';
import { DEFAULT_BUFFER_BYTES } from '../transport/waits.js';
import { historyRules } from './history-option.js';
import type { RedisBackplaneOptions } from './redis-backplane.options.js';
import { redisSource } from './redis-option.js';

/** Less would not keep one message of the size that clients may send. */
const MIN_LIVE_WINDOW_BYTES = 1024 * 1024;

/** Options that were checked and filled in. */
export interface NormalisedOptions {
  readonly redis: RedisSource | 'memory';
  readonly eventKeys: readonly string[];
  readonly installAdapter: boolean;
  readonly failFast: boolean;
  readonly commandTimeoutMs: number;
  readonly redisBufferBytes: number;
  readonly live: LiveOptions;
  readonly coalesceMs: number;
  readonly lease: LeaseOptions;
  readonly history: readonly HistoryRule[];
  readonly idempotencyTtlMs: number;
  readonly adapter: AdapterOptions;
}

const KNOWN: readonly (keyof RedisBackplaneOptions)[] = [
  'redis',
  'eventKeys',
  'adapter',
  'failFast',
  'commandTimeoutMs',
  'redisBufferBytes',
  'liveWindowMs',
  'liveWindowBytes',
  'coalesceMs',
  'lease',
  'history',
  'idempotencyTtlMs',
  ...ADAPTER_OPTIONS,
];

/**
 * @throws BackplaneConfigError naming the option, what it must be, what kind of value it is, and
 * how to fix it
 */
export function normaliseOptions(
  given: unknown,
  env: NodeJS.ProcessEnv = process.env,
): NormalisedOptions {
  if (!isPlainObject(given)) {
    throw invalidOption(
      'RedisBackplaneModule options',
      'an object',
      given,
      'Write forRoot({ redis: … }), or return such an object from the factory.',
    );
  }
  assertKnown('', given, KNOWN);
  const options = given as RedisBackplaneOptions;
  return Object.freeze({
    redis: redisSource(options.redis, env),
    eventKeys: eventKeys(options.eventKeys),
    installAdapter: booleanOption('adapter', options.adapter, true),
    failFast: booleanOption('failFast', options.failFast, false),
    commandTimeoutMs: integerOption('commandTimeoutMs', options.commandTimeoutMs, 2_000),
    redisBufferBytes: integerOption(
      'redisBufferBytes',
      options.redisBufferBytes,
      DEFAULT_BUFFER_BYTES,
    ),
    live: {
      windowMs: integerOption('liveWindowMs', options.liveWindowMs, DEFAULT_LIVE.windowMs, 0),
      windowBytes: integerOption(
        'liveWindowBytes',
        options.liveWindowBytes,
        DEFAULT_LIVE.windowBytes,
        MIN_LIVE_WINDOW_BYTES,
      ),
    },
    coalesceMs: integerOption('coalesceMs', options.coalesceMs, 0, 0),
    lease: lease(options.lease),
    history: historyRules(options.history),
    idempotencyTtlMs: integerOption(
      'idempotencyTtlMs',
      options.idempotencyTtlMs,
      DEFAULT_IDEMPOTENCY_TTL_MS,
    ),
    adapter: normaliseAdapterOptions(options),
  });
}

function eventKeys(given: unknown): readonly string[] {
  if (given === undefined) return ['backplane'];
  const keys: unknown[] = Array.isArray(given) ? given : [given];
  if (keys.length === 0)
    throw invalidOption(
      'eventKeys',
      'a non-empty list of names',
      given,
      "Write eventKeys: ['my-app'].",
    );
  for (const key of keys) {
    if (typeof key !== 'string' || key === '') {
      throw invalidOption('eventKeys', 'non-empty strings', key, "Write eventKeys: ['my-app'].");
    }
  }
  return Object.freeze(keys.slice()) as readonly string[];
}

function lease(given: unknown): LeaseOptions {
  if (given !== undefined && !isPlainObject(given))
    throw invalidOption('lease', '{ ttlMs, renewEveryMs }', given);
  assertKnown('lease.', given ?? {}, ['ttlMs', 'renewEveryMs']);
  const { ttlMs, renewEveryMs } = DEFAULT_LEASE;
  const filled = {
    ttlMs: integerOption('lease.ttlMs', given?.ttlMs, ttlMs),
    renewEveryMs: integerOption('lease.renewEveryMs', given?.renewEveryMs, renewEveryMs),
  };
  if (filled.renewEveryMs * 2 > filled.ttlMs) {
    throw new BackplaneConfigError(
      'The option "lease.renewEveryMs" must be at most half of "lease.ttlMs": one renewal may be late. ' +
        `Defaults are ${renewEveryMs} and ${ttlMs}.`,
    );
  }
  return Object.freeze(filled);
}
