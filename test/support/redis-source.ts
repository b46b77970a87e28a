import { optionsOfUrl } from '../../lib/module/redis-url.js';
import type { RedisSource } from '../../lib/transport/redis/redis-source.js';

/** Of a transport that a test makes by itself. */
export function sourceOf(url: string): RedisSource {
  return { kind: 'options', options: optionsOfUrl(url, 'redis') };
}
