import { Inject } from '@nestjs/common';

import { DEFAULT_BACKPLANE, getNamedBackplaneToken } from '../adapter/options/adapter.tokens.js';
import { Backplane } from '../cluster/backplane.js';

/**
 * The token under which a backplane is provided: the class `Backplane` for the default one, a
 * string for a named one.
 */
export function getBackplaneToken(name: string = DEFAULT_BACKPLANE): string | typeof Backplane {
  return name === DEFAULT_BACKPLANE ? Backplane : getNamedBackplaneToken(name);
}

/**
 * Injects a backplane by its name; without one, the default, which `private backplane: Backplane`
 * injects too.
 */
export function InjectBackplane(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getNamedBackplaneToken(name));
}
