import { isIPv6 } from 'node:net';

import {
  assertKnown,
  isPlainObject,
  fixOfNumber,
  typeOf,
  invalidOption,
} from '../adapter/options/option-checks.js';
import { BackplaneConfigError } from '../errors/backplane-config.error.js';

/**
 * How an option of ioredis is checked, and how a URL's query, which holds strings only, can say it.
 */
interface Check {
  readonly inQuery?: 'text' | 'number' | 'boolean';
  /** @throws BackplaneConfigError */
  check(option: string, value: unknown): void;
}

const TEXT: Check = { inQuery: 'text', check: assertText };
const SECRET: Check = { inQuery: 'text', check: assertSecret };
const FLAG: Check = {
  inQuery: 'boolean',
  check: (option, value) => {
    if (typeof value !== 'boolean') throw invalidOption(option, 'true or false', value);
  },
};
const FUNCTION: Check = {
  check: (option, value) => {
    if (typeof value !== 'function') throw invalidOption(option, 'a function', value);
  },
};
const TLS: Check = {
  check: (option, value) => {
    if (typeof value !== 'object')
      throw invalidOption(
        option,
        'an object of TLS options',
        value,
        'Write tls: {} for the defaults.',
      );
  },
};
/** The backplane has no use for it, or sets it itself, and no value does harm. */
const UNUSED: Check = { inQuery: 'text', check: () => {} };

/**
 * All options of ioredis 5 and 6 for one connection. A name that is missing here is refused:
 * a typing error in an option must not be silent.
 */
const CHECKS: Readonly<Record<string, Check>> = {
  host: { inQuery: 'text', check: assertHost },
  port: integer(1, 65_535),
  path: TEXT,
  family: oneOf(0, 4, 6),
  tls: TLS,
  username: SECRET,
  password: SECRET,
  db: integer(0, Number.MAX_SAFE_INTEGER),
  protocol: oneOf(2, 3),
  keyPrefix: { inQuery: 'text', check: assertKeyPrefix },
  connectionName: TEXT,
  disableClientInfo: FLAG,
  clientInfoTag: TEXT,
  connectTimeout: integer(1),
  disconnectTimeout: integer(0),
  commandTimeout: integer(1),
  socketTimeout: integer(1),
  keepAlive: integer(0),
  noDelay: FLAG,
  retryStrategy: FUNCTION,
  reconnectOnError: FUNCTION,
  enableReadyCheck: FLAG,
  maxLoadingRetryTime: integer(0),
  showFriendlyErrorStack: FLAG,
  Connector: FUNCTION,

  sentinels: { check: assertSentinels },
  name: TEXT,
  role: { inQuery: 'text', check: assertMaster },
  sentinelUsername: SECRET,
  sentinelPassword: SECRET,
  sentinelTLS: TLS,
  enableTLSForSentinelMode: FLAG,
  sentinelRetryStrategy: FUNCTION,
  sentinelReconnectStrategy: FUNCTION,
  sentinelCommandTimeout: integer(1),
  sentinelMaxConnections: integer(1),
  updateSentinels: FLAG,
  failoverDetector: FLAG,
  natMap: {
    check: (option, value) => {
      if (typeof value !== 'object' && typeof value !== 'function')
        throw invalidOption(option, 'an object or a function', value);
    },
  },
  preferredSlaves: UNUSED,

  readOnly: mustBeOff('Commands of the backplane write.'),
  monitor: mustBeOff('A connection that monitors takes no other commands.'),
  lazyConnect: UNUSED,
  autoResubscribe: UNUSED,
  autoResendUnfulfilledCommands: UNUSED,
  maxRetriesPerRequest: UNUSED,
  enableOfflineQueue: UNUSED,
  offlineQueue: UNUSED,
  commandQueue: UNUSED,
  stringNumbers: UNUSED,
  replyMapping: UNUSED,
  enableAutoPipelining: UNUSED,
  autoPipeliningIgnoredCommands: UNUSED,
  blockingTimeout: UNUSED,
  blockingTimeoutGrace: UNUSED,
  scripts: UNUSED,
  himportFieldsets: UNUSED,
};

/** Names that other clients and other tools use for the same thing. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  url: "Give the URL itself: redis: 'redis://host:port'.",
  uri: "Give the URL itself: redis: 'redis://host:port'.",
  user: 'Write "username".',
  pass: 'Write "password".',
  auth: 'Write "password".',
  auth_pass: 'Write "password".',
  hostname: 'Write "host".',
  database: 'Write "db".',
  ssl: 'Write "tls".',
  prefix: 'Write "keyPrefix".',
  socket:
    'That is an option of the package "redis" (node-redis); for ioredis write "host", "port" and "tls" themselves.',
  retryAttempts: 'That is an option of Nest\'s microservices; write a "retryStrategy".',
  retryDelay: 'That is an option of Nest\'s microservices; write a "retryStrategy".',
  wildcards: "That is an option of Nest's microservices, and has no meaning here.",
};

/**
 * Checks ioredis options for one connection. No message holds a value that may be a secret.
 * @param where the option or the variable that they are from
 * @throws BackplaneConfigError
 */
export function assertConnectionOptions(options: Record<string, unknown>, where: string): void {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(CHECKS, name)) continue;
    const hint = Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name]! : undefined;
    if (hint) throw new BackplaneConfigError(`There is no option "${where}.${name}". ${hint}`);
    assertKnown(`${where}.`, { [name]: true }, Object.keys(CHECKS));
  }
  for (const [name, value] of Object.entries(options))
    if (value != null) CHECKS[name]!.check(`${where}.${name}`, value);
  assertOneWay(options);
}

/**
 * The options in a URL's query, as the values that ioredis expects. No message holds a name or a
 * value: a "?" that was not percent-encoded may stand in the middle of a password.
 * @throws BackplaneConfigError
 */
export function queryOptions(query: URLSearchParams, where: string): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [name, text] of query) {
    const kind = Object.hasOwn(CHECKS, name) ? CHECKS[name]!.inQuery : undefined;
    if (kind === undefined || name in options) {
      throw new BackplaneConfigError(
        `The option "${where}" is a URL whose query has a name that is unknown, cannot be given in a URL, or comes twice. ` +
          'Write the ioredis options as an object instead; percent-encode a "?" or "&" of a password.',
      );
    }
    options[name] = valueOf(kind, text);
  }
  return options;
}

/** A value that is no number or boolean stays text: its check says so. */
function valueOf(kind: NonNullable<Check['inQuery']>, text: string): unknown {
  if (kind === 'number' && /^\d+$/.test(text)) return Number(text);
  if (kind === 'boolean' && /^(true|false)$/.test(text)) return text === 'true';
  return text;
}

/** ioredis would take one of several ways to Redis, and say nothing of the others. */
function assertOneWay({ host, port, path, sentinels, name }: Record<string, unknown>): void {
  const byAddress = host != null || port != null;
  if (path != null && byAddress) {
    throw new BackplaneConfigError(
      'The options "redis.path" and "redis.host" or "redis.port" exclude each other. Give the socket\'s path, or host and port.',
    );
  }
  if (sentinels == null) {
    if (name == null) return;
    throw new BackplaneConfigError(
      'The option "redis.name" is the name of a master for "redis.sentinels", which are not given. ' +
        'For the name of the connection write "connectionName".',
    );
  }
  if (path != null || byAddress) {
    throw new BackplaneConfigError(
      'The options "redis.sentinels" and "redis.host", "redis.port" or "redis.path" exclude each other: sentinels name the address.',
    );
  }
  if (name == null) {
    throw new BackplaneConfigError(
      'The option "redis.name" must be the name of the master that "redis.sentinels" watch, such as \'mymaster\'.',
    );
  }
}

function assertHost(option: string, value: unknown): void {
  const expected = 'a string, a host name or an address alone';
  if (typeof value !== 'string' || value === '') throw invalidOption(option, expected, value);
  if (isIPv6(value)) return;
  // A URL given as the host holds the password: errors of the resolver would repeat it.
  if (/[\s/@?#\\]/.test(value))
    throw invalidOption(option, expected, value, "For a URL write redis: 'redis://…'.");
  if (value.includes(':') || value.includes('['))
    throw invalidOption(
      option,
      expected,
      value,
      'Write the port as "port", and an IPv6 address without brackets.',
    );
}

function assertText(option: string, value: unknown): void {
  if (typeof value !== 'string' || value === '')
    throw invalidOption(option, 'a non-empty string', value);
}

function assertSecret(option: string, value: unknown): void {
  if (typeof value === 'string') return;
  // Not by `wrong`, which shows a number.
  const got = typeof value === 'number' ? 'a number' : typeOf(value);
  throw new BackplaneConfigError(
    `The option "${option}" must be a string, got ${got}. Put it in quotes.`,
  );
}

function assertKeyPrefix(option: string, value: unknown): void {
  if (typeof value !== 'string' && !Buffer.isBuffer(value))
    throw invalidOption(option, 'a string', value);
}

function assertMaster(option: string, value: unknown): void {
  if (value !== 'master')
    throw invalidOption(option, "'master'", value, 'A replica takes no writes of the backplane.');
}

function assertSentinels(option: string, value: unknown): void {
  const expected = 'a non-empty list of { host, port }';
  if (!Array.isArray(value) || value.length === 0) throw invalidOption(option, expected, value);
  for (const [at, sentinel] of value.entries()) {
    const one = `${option}[${at}]`;
    if (!isPlainObject(sentinel)) throw invalidOption(one, '{ host, port }', sentinel);
    assertKnown(`${one}.`, sentinel, ['host', 'port', 'family']);
    assertHost(`${one}.host`, sentinel.host);
    if (sentinel.port != null) CHECKS.port!.check(`${one}.port`, sentinel.port);
  }
}

function integer(min: number, max = 2 ** 31 - 1): Check {
  return {
    inQuery: 'number',
    check: (option, value) => {
      if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max)
        return;
      throw invalidOption(
        option,
        `a whole number from ${min} to ${max}`,
        value,
        fixOfNumber(value),
      );
    },
  };
}

function oneOf(...values: readonly number[]): Check {
  return {
    inQuery: 'number',
    check: (option, value) => {
      if (!values.includes(value as number))
        throw invalidOption(option, `one of ${values.join(', ')}`, value, fixOfNumber(value));
    },
  };
}

function mustBeOff(because: string): Check {
  return {
    inQuery: 'boolean',
    check: (option, value) => {
      if (value !== false) throw invalidOption(option, 'false', value, because);
    },
  };
}
