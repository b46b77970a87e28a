import { RedisBackplaneAdapter, RedisBackplaneModule } from 'nestjs-redis-backplane';
import type { Target } from './target.js';

/** The adapter of this package, on the transport that needs no Redis. */
export const ours: Target = {
  name: 'ours',
  imports: (eventKey) => [RedisBackplaneModule.forRoot({ redis: 'memory', eventKeys: [eventKey] })],
  installsItself: true,
  createAdapter: (app, choices) => new RedisBackplaneAdapter(app, choices),
};
