import { Logger } from '@nestjs/common';

import { Backplane } from '../cluster/backplane.js';
import { MemoryTransport } from '../transport/memory/memory.transport.js';
import { RedisTransport } from '../transport/redis/redis.transport.js';
import { type NormalisedOptions, normaliseOptions } from './normalise-options.js';
import type { RedisBackplaneOptions } from './redis-backplane.options.js';

/**
 * A backplane outside of Nest: for a worker or a script that publishes. Close it in the end.
 *
 * @throws (rejects) BackplaneConfigError for options that cannot work, wrong credentials and a
 * wrong database; BackplaneUnavailableError if Redis cannot be reached and `failFast` is set
 */
export async function createBackplane(options: RedisBackplaneOptions = {}): Promise<Backplane> {
  return startBackplane(normaliseOptions(options));
}

/** Wires the driver of the transport in. */
export async function startBackplane(options: NormalisedOptions): Promise<Backplane> {
  const { redis, eventKeys, commandTimeoutMs, failFast, coalesceMs, lease } = options;
  const { history, idempotencyTtlMs, redisBufferBytes, live } = options;
  const backplane = new Backplane({
    transport:
      redis === 'memory'
        ? new MemoryTransport()
        : new RedisTransport(redis, {
            connectTimeoutMs: commandTimeoutMs,
            answerTimeoutMs: commandTimeoutMs,
            bufferBytes: redisBufferBytes,
          }),
    logger: new Logger('Backplane'),
    eventKeys,
    commandTimeoutMs,
    failFast,
    coalesceMs,
    lease,
    history,
    idempotencyTtlMs,
    redisBufferBytes,
    live,
  });
  return backplane.start();
}
