import { Logger } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';

import { DEFAULT_BACKPLANE } from '../adapter/options/adapter.tokens.js';
import type { AdapterContext } from '../adapter/app-providers.js';
import { RedisBackplaneAdapter } from '../adapter/redis-backplane.adapter.js';
import { quote } from '../errors/quote.js';
import { shared } from './copies.js';

/** The backplane of each adapter that was installed here. */
const installed = shared('installed', () => new WeakMap<object, string>());

/**
 * Sets the adapter while the app's providers are made, so that no line in `main.ts` needs to. An
 * adapter that the app sets itself comes later, and wins. Of several backplanes the default one
 * serves the gateways, else the first by name: which of them is made first depends on how soon its
 * Redis answers.
 */
export function installAdapter(
  config: ApplicationConfig,
  context: AdapterContext,
  name: string,
): void {
  const present = config.getIoAdapter() as object | undefined;
  const rival = present && installed.get(present);
  const isDefault = name === DEFAULT_BACKPLANE;
  if (present && !isDefault && !(rival !== undefined && precedes(name, rival))) {
    new Logger('RedisBackplaneModule').debug(
      `The backplane ${quote(name)} leaves the gateways to the adapter that is there.`,
    );
    return;
  }
  const adapter = new RedisBackplaneAdapter(context, isDefault ? {} : { backplane: name });
  installed.set(adapter, name);
  config.setIoAdapter(adapter);
}

function precedes(name: string, rival: string): boolean {
  return rival !== DEFAULT_BACKPLANE && name < rival;
}
