import type {
  AdapterOptions,
  Authenticate,
  HeartbeatOptions,
  MessageParser,
  SlowClientPolicy,
} from '../adapter/adapter.options.js';
import { DEFAULT_LEASE, type LeaseOptions } from '../cluster/instances.js';
import { BackplaneConfigError } from '../errors/backplane-config.error.js';
import type { RedisSource } from '../transport/redis/redis-source.js';
import { booleanOption, functionOption, isPlainObject, wholeOption, wrong } from './checks.js';
import type { RedisBackplaneOptions } from './redis-backplane.options.js';
import { redisSource } from './redis-option.js';

/** Options that were checked and filled in. */
export interface NormalisedOptions {
  readonly redis: RedisSource | 'memory';
  readonly eventKeys: readonly string[];
  readonly installAdapter: boolean;
  readonly failFast: boolean;
  readonly commandTimeoutMs: number;
  readonly coalesceMs: number;
  readonly lease: LeaseOptions;
  readonly adapter: AdapterOptions;
}

const MIB = 1024 * 1024;
const SLOW_CLIENT: readonly SlowClientPolicy[] = ['disconnect', 'drop'];

const KNOWN: Readonly<Record<keyof RedisBackplaneOptions, true>> = {
  redis: true,
  eventKeys: true,
  adapter: true,
  failFast: true,
  commandTimeoutMs: true,
  lease: true,
  heartbeat: true,
  maxPayloadBytes: true,
  bufferLimitBytes: true,
  slowClient: true,
  coalesceMs: true,
  authenticate: true,
  authenticateTimeoutMs: true,
  allowAnonymous: true,
  messageParser: true,
  perMessageDeflate: true,
};

/** @throws BackplaneConfigError naming the option, what it must be, what kind of value it is, and the mend */
export function normaliseOptions(
  given: unknown,
  env: NodeJS.ProcessEnv = process.env,
): NormalisedOptions {
  if (!isPlainObject(given)) {
    throw wrong(
      'RedisBackplaneModule options',
      'an object',
      given,
      'Write forRoot({ redis: … }), or return such an object from the factory.',
    );
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(KNOWN, name)) {
      throw new BackplaneConfigError(
        `There is no option "${name}". The options are: ${Object.keys(KNOWN).join(', ')}.`,
      );
    }
  }
  const options = given as RedisBackplaneOptions;
  return Object.freeze({
    redis: redisSource(options.redis, env),
    eventKeys: eventKeys(options.eventKeys),
    installAdapter: booleanOption('adapter', options.adapter, true),
    failFast: booleanOption('failFast', options.failFast, false),
    commandTimeoutMs: wholeOption('commandTimeoutMs', options.commandTimeoutMs, 2_000),
    coalesceMs: wholeOption('coalesceMs', options.coalesceMs, 0, 0),
    lease: lease(options.lease),
    adapter: Object.freeze(adapterOptions(options)),
  });
}

function adapterOptions(options: RedisBackplaneOptions): AdapterOptions {
  return {
    heartbeat: heartbeat(options.heartbeat),
    maxPayloadBytes: wholeOption('maxPayloadBytes', options.maxPayloadBytes, MIB),
    bufferLimitBytes: wholeOption('bufferLimitBytes', options.bufferLimitBytes, MIB),
    slowClient: slowClient(options.slowClient),
    authenticate: functionOption('authenticate', options.authenticate) as Authenticate | undefined,
    authenticateTimeoutMs: wholeOption(
      'authenticateTimeoutMs',
      options.authenticateTimeoutMs,
      5_000,
    ),
    allowAnonymous: booleanOption('allowAnonymous', options.allowAnonymous, true),
    messageParser: functionOption('messageParser', options.messageParser) as
      MessageParser | undefined,
    perMessageDeflate: perMessageDeflate(options.perMessageDeflate),
  };
}

function eventKeys(given: unknown): readonly string[] {
  if (given === undefined) return ['backplane'];
  const keys: unknown[] = Array.isArray(given) ? given : [given];
  if (keys.length === 0)
    throw wrong('eventKeys', 'a non-empty list of names', given, "Write eventKeys: ['my-app'].");
  for (const key of keys) {
    if (typeof key !== 'string' || key === '') {
      throw wrong('eventKeys', 'non-empty strings', key, "Write eventKeys: ['my-app'].");
    }
  }
  return Object.freeze(keys.slice()) as readonly string[];
}

function lease(given: unknown): LeaseOptions {
  if (given !== undefined && !isPlainObject(given))
    throw wrong('lease', '{ ttlMs, renewEveryMs }', given);
  const { ttlMs, renewEveryMs } = DEFAULT_LEASE;
  const filled = {
    ttlMs: wholeOption('lease.ttlMs', given?.ttlMs, ttlMs),
    renewEveryMs: wholeOption('lease.renewEveryMs', given?.renewEveryMs, renewEveryMs),
  };
  if (filled.renewEveryMs * 2 > filled.ttlMs) {
    throw new BackplaneConfigError(
      'The option "lease.renewEveryMs" must be at most half of "lease.ttlMs": one renewal may be late. ' +
        `Defaults are ${renewEveryMs} and ${ttlMs}.`,
    );
  }
  return Object.freeze(filled);
}

function heartbeat(given: unknown): HeartbeatOptions | false {
  if (given === false) return false;
  if (given !== undefined && !isPlainObject(given)) {
    throw wrong('heartbeat', '{ intervalMs, timeoutMs } or false', given);
  }
  return Object.freeze({
    intervalMs: wholeOption('heartbeat.intervalMs', given?.intervalMs, 25_000),
    timeoutMs: wholeOption('heartbeat.timeoutMs', given?.timeoutMs, 10_000),
  });
}

function slowClient(given: unknown): SlowClientPolicy {
  if (given === undefined) return 'disconnect';
  if (!SLOW_CLIENT.includes(given as SlowClientPolicy))
    throw wrong('slowClient', "'disconnect' or 'drop'", given);
  return given as SlowClientPolicy;
}

function perMessageDeflate(given: unknown): AdapterOptions['perMessageDeflate'] {
  if (given === undefined || typeof given === 'boolean') return given ?? false;
  if (!isPlainObject(given))
    throw wrong('perMessageDeflate', 'true, false, or the options of ws', given);
  return given;
}
