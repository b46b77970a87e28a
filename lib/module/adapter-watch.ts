import { Logger } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';

import { isBackplaneAdapter } from '../adapter/redis-backplane.adapter.js';
import { shared } from './copies.js';

/** Configurations of apps that were looked at. */
const looked = shared('adapter-hints', () => new WeakSet<ApplicationConfig>());

/**
 * Says once that the gateways are served by an adapter that `main.ts` has set, which knows no other
 * instance.
 */
export function watchAdapter(config: ApplicationConfig): void {
  const adapter = config.getIoAdapter() as object | undefined;
  if (!adapter || isBackplaneAdapter(adapter) || looked.has(config)) return;
  looked.add(config);
  const name = adapter.constructor.name || 'an adapter';
  new Logger('RedisBackplaneModule').warn(
    `main.ts sets ${name}, so the gateways are served by that, and reach the clients of this instance only. Remove ` +
      `app.useWebSocketAdapter(new ${name}(…)): the module installs its own adapter. If you want it so, set adapter: false.`,
  );
}
