import type { DemoRedis } from './demo-redis.js';

/** A Redis-compatible server in JavaScript, inside the demo's own process: nothing to install. */
export async function embeddedRedis(): Promise<DemoRedis> {
  const { createRedisServer } = await import('js-redis-server');
  const server = await createRedisServer({});
  return {
    source: 'embedded',
    url: `redis://${server.host}:${server.port}`,
    note: `embedded js-redis-server on ${server.host}:${server.port} (no redis-server or valkey-server on PATH)`,
    close: () => server.close(),
  };
}
