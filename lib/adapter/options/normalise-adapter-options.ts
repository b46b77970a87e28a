import { createDeflateRaw, type ZlibOptions } from 'node:zlib';

import type {
  AdapterOptions,
  Authenticate,
  GivenAdapterOptions,
  HeartbeatOptions,
  LimitOptions,
  MessageParser,
  SlowClientPolicy,
} from './adapter.options.js';
import {
  assertKnown,
  booleanOption,
  functionOption,
  isPlainObject,
  fixOfNumber,
  integerOption,
  invalidOption,
} from './option-checks.js';

const MIB = 1024 * 1024;
const DEFAULT_LIMITS: LimitOptions = { rooms: 1_000 };
const DEFAULT_MAX_DEPTH = 64;
const SLOW_CLIENT: readonly SlowClientPolicy[] = ['disconnect', 'drop', 'pause'];

/** The names of the adapter's options. */
export const ADAPTER_OPTIONS: readonly (keyof GivenAdapterOptions)[] = [
  'heartbeat',
  'maxPayloadBytes',
  'maxDepth',
  'bufferLimitBytes',
  'totalBufferLimitBytes',
  'slowClient',
  'authenticate',
  'authenticateTimeoutMs',
  'connectionTimeoutMs',
  'allowAnonymous',
  'messageParser',
  'perMessageDeflate',
  'limits',
];

/**
 * @throws BackplaneConfigError naming the option, what it must be, what kind of value it is, and
 * how to fix it
 */
export function normaliseAdapterOptions(options: GivenAdapterOptions): AdapterOptions {
  return Object.freeze({
    heartbeat: heartbeat(options.heartbeat),
    maxPayloadBytes: integerOption('maxPayloadBytes', options.maxPayloadBytes, MIB),
    maxDepth: maxDepth(options.maxDepth),
    bufferLimitBytes: integerOption('bufferLimitBytes', options.bufferLimitBytes, MIB),
    totalBufferLimitBytes: integerOption(
      'totalBufferLimitBytes',
      options.totalBufferLimitBytes,
      256 * MIB,
    ),
    slowClient: slowClient(options.slowClient),
    authenticate: functionOption('authenticate', options.authenticate) as Authenticate | undefined,
    authenticateTimeoutMs: integerOption(
      'authenticateTimeoutMs',
      options.authenticateTimeoutMs,
      5_000,
    ),
    connectionTimeoutMs: integerOption('connectionTimeoutMs', options.connectionTimeoutMs, 30_000),
    allowAnonymous: booleanOption('allowAnonymous', options.allowAnonymous, true),
    messageParser: functionOption('messageParser', options.messageParser) as
      MessageParser | undefined,
    perMessageDeflate: perMessageDeflate(options.perMessageDeflate),
    limits: limits(options.limits),
  });
}

function maxDepth(given: unknown): number | false {
  if (given === undefined) return DEFAULT_MAX_DEPTH;
  if (given === false) return false;
  if (typeof given !== 'number' || !Number.isSafeInteger(given) || given < 1)
    throw invalidOption('maxDepth', 'a whole number from 1, or false', given, fixOfNumber(given));
  return given;
}

function heartbeat(given: unknown): HeartbeatOptions | false {
  if (given === false) return false;
  if (given !== undefined && !isPlainObject(given)) {
    throw invalidOption('heartbeat', '{ intervalMs, timeoutMs } or false', given);
  }
  assertKnown('heartbeat.', given ?? {}, ['intervalMs', 'timeoutMs']);
  return Object.freeze({
    intervalMs: integerOption('heartbeat.intervalMs', given?.intervalMs, 25_000),
    timeoutMs: integerOption('heartbeat.timeoutMs', given?.timeoutMs, 10_000),
  });
}

function slowClient(given: unknown): SlowClientPolicy {
  if (given === undefined) return 'disconnect';
  if (!SLOW_CLIENT.includes(given as SlowClientPolicy)) {
    throw invalidOption('slowClient', "'disconnect', 'drop' or 'pause'", given);
  }
  return given as SlowClientPolicy;
}

function limits(given: unknown): LimitOptions {
  if (given !== undefined && !isPlainObject(given)) {
    throw invalidOption('limits', '{ rooms }', given, 'Write limits: { rooms: 1_000 }.');
  }
  assertKnown('limits.', given ?? {}, Object.keys(DEFAULT_LIMITS));
  return Object.freeze({ rooms: limit('rooms', given?.rooms) });
}

/** `Infinity`, too: the adapter checks the module's options, which are filled in, once more. */
function limit(name: keyof LimitOptions, given: unknown): number {
  if (given === false || given === Infinity) return Infinity;
  return integerOption(`limits.${name}`, given, DEFAULT_LIMITS[name], 1, ', or false for no limit');
}

function perMessageDeflate(given: unknown): AdapterOptions['perMessageDeflate'] {
  if (given === undefined || typeof given === 'boolean') return given ?? false;
  if (!isPlainObject(given)) {
    throw invalidOption('perMessageDeflate', 'true, false, or the options of ws', given);
  }
  try {
    createDeflateRaw(given.zlibDeflateOptions as ZlibOptions | undefined).close();
  } catch {
    throw invalidOption(
      'perMessageDeflate.zlibDeflateOptions',
      'options that zlib takes',
      given.zlibDeflateOptions,
    );
  }
  return given;
}
