/** The name of a backplane that was given none. */
export const DEFAULT_BACKPLANE = 'default';

/** A provider under this token is asked who connects, unless the `authenticate` option is set. */
export const BACKPLANE_AUTHENTICATOR: unique symbol = Symbol.for(
  'nestjs-redis-backplane:authenticator',
) as never;

/** The token under which a named backplane is provided, and the default one beside its class. */
export function getNamedBackplaneToken(name: string = DEFAULT_BACKPLANE): string {
  return `nestjs-redis-backplane:${name}`;
}

/**
 * Where the library's own parts find a backplane: a test may put a double under the public token.
 */
export function getOwnBackplaneToken(name: string = DEFAULT_BACKPLANE): string {
  return `nestjs-redis-backplane:own:${name}`;
}

/** The adapter's share of the module's options. */
export function getAdapterOptionsToken(name: string = DEFAULT_BACKPLANE): string {
  return `nestjs-redis-backplane:adapter-options:${name}`;
}
