import { Backplane } from '../cluster/backplane.js';

/** The name of a backplane that was given none. */
export const DEFAULT_BACKPLANE = 'default';

/** A provider under this token is asked who connects, unless the `authenticate` option is set. */
export const BACKPLANE_AUTHENTICATOR = Symbol('BACKPLANE_AUTHENTICATOR');

/** The token under which a backplane is provided. The default one goes by its class, too. */
export function getBackplaneToken(name: string = DEFAULT_BACKPLANE): string | typeof Backplane {
  return name === DEFAULT_BACKPLANE ? Backplane : `nestjs-redis-backplane:${name}`;
}

/** Where the library's own parts find a backplane: a test may put a double under the public token. */
export function getOwnBackplaneToken(name: string = DEFAULT_BACKPLANE): string {
  return `nestjs-redis-backplane:own:${name}`;
}

/** The adapter's share of the module's options. */
export function getAdapterOptionsToken(name: string = DEFAULT_BACKPLANE): string {
  return `nestjs-redis-backplane:adapter-options:${name}`;
}
