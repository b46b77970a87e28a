import type { Log } from '../log.js';
import type { DemoRedis } from './demo-redis.js';
import { embeddedRedis } from './embedded-redis.js';
import { findOnPath } from './find-on-path.js';
import { givenRedis } from './given-redis.js';
import { SpawnedRedis } from './spawned-redis.js';

const servers = ['redis-server', 'valkey-server'];

/** The rungs' makers; a test puts its own in their place. */
export interface Rungs {
  spawn: (program: string, log: Log) => Promise<DemoRedis>;
  embed: () => Promise<DemoRedis>;
}

const rungs: Rungs = {
  spawn: (program, log) => SpawnedRedis.start(program, log),
  embed: embeddedRedis,
};

/**
 * Where the demo's Redis comes from: what `REDIS_URL` names, else a server on PATH, else the
 * embedded one.
 */
export async function climbRedisLadder(
  env: NodeJS.ProcessEnv,
  log: Log,
  { spawn, embed }: Rungs = rungs,
): Promise<DemoRedis> {
  if (env.REDIS_URL) return givenRedis(env.REDIS_URL);
  const program = findOnPath(servers, env.PATH);
  if (program !== undefined) {
    try {
      return await spawn(program, log);
    } catch (error) {
      log.say(`Cannot use the Redis on PATH: ${(error as Error).message}`);
    }
  }
  return embed();
}
