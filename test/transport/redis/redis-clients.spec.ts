import { afterEach, describe, expect, it } from '@jest/globals';
import { makeClients, type RedisClients } from '../../../lib/transport/redis/redis-clients.js';
import type { RedisSource } from '../../../lib/transport/redis/redis-source.js';

const OURS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  keyPrefix: '',
  stringNumbers: false,
  replyMapping: 'legacy',
  enableAutoPipelining: false,
};

import { sourceOf } from '../../support/redis-source.js';

describe('The connections to a Redis', () => {
  let clients: RedisClients | undefined;

  const make = (source: RedisSource): RedisClients => (clients = makeClients(source));

  afterEach(() => {
    clients?.commands.disconnect();
    clients?.subscriber.disconnect();
  });

  it.each<[string, RedisSource]>([
    [
      'a URL',
      sourceOf(
        'redis://:a%20b@localhost:7000/3?enableOfflineQueue=true&maxRetriesPerRequest=5&lazyConnect=&keyPrefix=app:*:&connectionName=x&stringNumbers=true',
      ),
    ],
    [
      'options',
      {
        kind: 'options',
        options: {
          host: 'localhost',
          port: 7_000,
          password: 'a b',
          db: 3,
          connectionName: 'x',
          enableOfflineQueue: true,
          maxRetriesPerRequest: 5,
          lazyConnect: false,
          stringNumbers: true,
          replyMapping: 'resp3',
          enableAutoPipelining: true,
          keyPrefix: 'app:*:',
        },
      },
    ],
  ])('keep what the transport stands on, whatever %s says, and the rest of it', (_, source) => {
    const { commands, subscriber, prefix } = make(source);
    expect(prefix).toBe('app:*:');
    const given = { host: 'localhost', port: 7_000, password: 'a b', db: 3, connectionName: 'x' };
    for (const client of [commands, subscriber]) {
      expect(client.options).toMatchObject({ ...OURS, ...given });
      expect(client.status).toBe('wait');
    }
  });

  it('never give up, though the app would', () => {
    const give = (attempt: number): number | null => (attempt < 3 ? 7 : null);
    const { commands, subscriber } = make({ kind: 'options', options: { retryStrategy: give } });
    expect(commands.options.retryStrategy!(1)).toBe(7);
    for (const client of [commands, subscriber])
      expect(client.options.retryStrategy!(3)).toEqual(expect.any(Number));
  });
});
