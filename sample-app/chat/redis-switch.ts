import cluster from 'node:cluster';
import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { Backplane } from 'nestjs-redis-backplane';
import type { ServerEvents } from './chat.events.js';
import { CHAT_PATH } from './origin.js';

/** `none`: this worker has a Redis that is not the demo's to pause. */
export type RedisState = 'open' | 'paused' | 'none';

/**
 * Has the pool pause the Redis of all workers, and tells the page of it: by the pool, as Redis is
 * then no way to tell it.
 */
@Injectable()
export class RedisSwitch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  state: RedisState = cluster.isWorker && process.env.DEMO_REDIS_GATE === '1' ? 'open' : 'none';

  constructor(private readonly backplane: Backplane) {}

  onApplicationBootstrap(): void {
    process.on('message', this.#onMessage);
    if (this.state !== 'none') process.send?.({ redis: 'ask' });
  }

  beforeApplicationShutdown(): void {
    process.off('message', this.#onMessage);
  }

  /** Does nothing where there is nothing to pause. */
  turn(state: Exclude<RedisState, 'none'>): void {
    if (this.state !== 'none') process.send?.({ redis: state });
  }

  readonly #onMessage = (message: unknown): void => {
    const { redis } = (message ?? {}) as { redis?: unknown };
    if (redis !== 'open' && redis !== 'paused') return;
    this.state = redis;
    this.backplane.hub<ServerEvents>(CHAT_PATH).local.emit('redis', { state: redis });
  };
}
