import type { ConfigService } from '@nestjs/config';
import type { RedisBackplaneOptions } from 'nestjs-redis-backplane';
import { authenticateByName } from '../chat/authenticate-by-name.js';

/**
 * The backplane's options from the app's settings, that is from the environment or a `.env` file. Without `REDIS_URL` the
 * library looks at redis://localhost:6379.
 */
export function backplaneConfig(config: ConfigService): RedisBackplaneOptions {
  return {
    redis: config.get<string>('REDIS_URL') || undefined,
    eventKeys: config.get<string>('EVENT_KEYS', 'demo-chat').split(','),
    authenticate: authenticateByName,
  };
}
