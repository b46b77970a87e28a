import type { ConfigService } from '@nestjs/config';
import type { RedisBackplaneOptions } from 'nestjs-redis-backplane';
import { authenticateByName } from '../chat/authenticate-by-name.js';
import { ALL_TALKS } from '../chat/rooms.js';

const HOUR_MS = 60 * 60 * 1_000;

/**
 * The backplane's options from the app's settings, that is from the environment or a `.env` file.
 * Without `REDIS_URL` the library looks at redis://localhost:6379.
 */
export function backplaneConfig(config: ConfigService): RedisBackplaneOptions {
  return {
    redis: config.get<string>('REDIS_URL') || undefined,
    eventKeys: config.get<string>('EVENT_KEYS', 'demo-chat').split(','),
    history: [
      { rooms: ALL_TALKS, size: 200, ttlMs: HOUR_MS },
      { users: true, size: 200, ttlMs: HOUR_MS },
    ],
    authenticate: authenticateByName,
  };
}
