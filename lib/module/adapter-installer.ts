import { Logger } from '@nestjs/common';
import type { ApplicationConfig, ModuleRef } from '@nestjs/core';

import { DEFAULT_BACKPLANE } from '../adapter/adapter.tokens.js';
import { RedisBackplaneAdapter } from '../adapter/redis-backplane.adapter.js';

/**
 * Sets the adapter while the app's providers are made, so that no line in `main.ts` needs to. An adapter that the app sets
 * itself comes later, and wins.
 */
export function installAdapter(
  config: ApplicationConfig,
  moduleRef: ModuleRef,
  name: string,
): void {
  const present = config.getIoAdapter() as unknown;
  if (present && name !== DEFAULT_BACKPLANE) {
    // Of several backplanes the default one serves the gateways; else the one that was first.
    new Logger('RedisBackplaneModule').debug(
      `The backplane "${name}" leaves the gateways to the adapter that is there.`,
    );
    return;
  }
  config.setIoAdapter(
    new RedisBackplaneAdapter(moduleRef, name === DEFAULT_BACKPLANE ? {} : { backplane: name }),
  );
}
