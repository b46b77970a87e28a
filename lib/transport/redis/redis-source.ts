import type { Redis, RedisOptions } from 'ioredis';

/** Where the Redis transport gets its connections from. */
export type RedisSource =
  | { readonly kind: 'options'; readonly options: RedisOptions }
  /**
   * A client of the app's: used for commands, never closed by us. The subscriber is a duplicate of
   * it.
   */
  | { readonly kind: 'client'; readonly client: Redis };
