import type { DemoRedis } from './demo-redis.js';
import { redactUrl } from './redact-url.js';

/** The Redis that `REDIS_URL` names. The demo neither starts nor ends it. */
export function givenRedis(url: string): DemoRedis {
  const note =
    url === 'memory'
      ? 'none (REDIS_URL=memory): every worker is an island'
      : `${redactUrl(url)} (REDIS_URL)`;
  return { source: 'given', url, note, close: async () => {} };
}
