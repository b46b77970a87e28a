import { Inject } from '@nestjs/common';

import { getBackplaneToken } from '../adapter/adapter.tokens.js';

/** Injects a backplane by its name; without one, the default, which `private backplane: Backplane` injects too. */
export function InjectBackplane(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getBackplaneToken(name));
}
