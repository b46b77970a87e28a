import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { BackplaneConfigError } from '../../lib/errors/backplane-config.error.js';
import { redisSource } from '../../lib/module/redis-option.js';

const SECRET = 'hunter2';

const sourceOf = (redis: unknown, env: NodeJS.ProcessEnv = {}): unknown => redisSource(redis, env);

function refusal(redis: unknown, env: NodeJS.ProcessEnv = {}): string {
  try {
    redisSource(redis, env);
  } catch (error) {
    expect(error).toBeInstanceOf(BackplaneConfigError);
    expect((error as Error).message).not.toContain(SECRET);
    return (error as Error).message;
  }
  throw new Error('It was accepted.');
}

describe('A URL in the option "redis"', () => {
  it.each<[string, object]>([
    ['redis://host', { host: 'host' }],
    ['redis://host/', { host: 'host' }],
    ['redis://HOST:7000/3', { host: 'HOST', port: 7_000, db: 3 }],
    ['rediss://host', { host: 'host', tls: {} }],
    ['redis://:p%40ss%2Fw@host', { host: 'host', password: 'p@ss/w' }],
    ['redis://user:p:w@host', { host: 'host', username: 'user', password: 'p:w' }],
    ['redis://user@host', { host: 'host', username: 'user' }],
    ['redis://[::1]:7000', { host: '::1', port: 7_000 }],
    ['redis://host?db=2&family=6', { host: 'host', db: 2, family: 6 }],
    [
      'redis://host?connectTimeout=5&enableReadyCheck=false&keyPrefix=a:',
      { host: 'host', connectTimeout: 5, enableReadyCheck: false, keyPrefix: 'a:' },
    ],
  ])('%s is read', (url, options) => {
    expect(sourceOf(url)).toEqual({ kind: 'options', options });
    expect(sourceOf(undefined, { REDIS_URL: url })).toEqual({ kind: 'options', options });
  });

  it.each<[string, RegExp]>([
    [`redis://${SECRET}`.replace('//', '/'), /without ":\/\/"/],
    [`redis://:${SECRET}@host/mydb`, /no number of a database/],
    [`redis://:${SECRET}@host/1/2`, /no number of a database/],
    [`redis://:${SECRET}@host/-1`, /no number of a database/],
    [`redis://:${SECRET}@host/1e3`, /no number of a database/],
    [`redis://:${SECRET}@host/99999999999999999999`, /no number of a database/],
    [`redis://:${SECRET}%zz@host`, /a "%" that begins no code/],
    [`redis://host#${SECRET}`, /with a "#".*%23/],
    [`redis://host?${SECRET}=1`, /a name that is unknown/],
    [`redis://host?toString=${SECRET}`, /a name that is unknown/],
    [`redis://host?sentinels=${SECRET}`, /cannot be given in a URL/],
    ['redis://host?db=1&db=2', /comes twice/],
    ['redis://host/1?db=2', /gives "db" twice/],
    [`redis://host?connectTimeout=${SECRET}`, /"redis.connectTimeout" must be a whole number/],
    ['redis://host?family=5', /"redis.family" must be one of 0, 4, 6/],
    ['redis://host?readOnly=true', /"redis.readOnly" must be false.*write/],
    ['redis://', /without a host/],
    ['redis:///1', /without a host/],
    [`redis://:${SECRET}@`, /no URL|without a host/],
    ['redis://host:0', /"redis.port" must be a whole number from 1/],
    [`\tredis://:${SECRET}@host`, /white space/],
    [`redis://:${SECRET}\n@host`, /white space/],
    [`redis+unix://${SECRET}`, /\{ path:/],
    [`/${SECRET}`, /\{ path:/],
  ])('%j is refused: %s', (url, reason) => {
    expect(refusal(url)).toMatch(reason);
    expect(refusal(undefined, { REDIS_URL: url })).toMatch(/^The option "REDIS_URL/);
  });
});

describe('ioredis options in the option "redis"', () => {
  it.each<[string, object]>([
    ['nothing', {}],
    ['a socket', { path: '/run/redis.sock', db: 1 }],
    ['sentinels', { sentinels: [{ host: 'a', port: 26_379 }, { host: '::1' }], name: 'mymaster' }],
    ['undefined and null', { host: 'h', port: undefined, username: null, path: undefined }],
    ['functions', { retryStrategy: () => 1, reconnectOnError: () => true }],
    ['TLS', { host: 'h', tls: { ca: 'x', servername: 'y' } }],
  ])('%s: taken', (_, options) => {
    expect(sourceOf(options)).toEqual({ kind: 'options', options });
  });

  it.each<[object, RegExp]>([
    [{ host: `user:${SECRET}@h` }, /"redis.host".*a URL write/],
    [{ host: ` ${SECRET}` }, /"redis.host"/],
    [{ host: '[::1]' }, /without brackets/],
    [{ host: 'h:6379' }, /Write the port as "port"/],
    [{ path: '/s', host: 'h' }, /exclude each other/],
    [{ path: '/s', port: 1 }, /exclude each other/],
    [{ sentinels: [], name: 'm' }, /"redis.sentinels" must be a non-empty list/],
    [{ sentinels: [{ host: 'h' }] }, /"redis.name" must be the name of the master/],
    [{ sentinels: [{ host: 'h' }], name: 'm', host: 'h' }, /sentinels name the address/],
    [{ sentinels: ['h:1'], name: 'm' }, /"redis.sentinels\[0\]"/],
    [{ sentinels: [{ host: 'h:1' }], name: 'm' }, /"redis.sentinels\[0\].host"/],
    [{ sentinels: [{ hots: 'h' }], name: 'm' }, /"redis.sentinels\[0\].hots"/],
    [{ sentinels: [{ host: 'h' }], name: 'm', role: 'slave' }, /"redis.role" must be 'master'/],
    [{ name: 'm' }, /connectionName/],
    [{ monitor: true }, /"redis.monitor" must be false/],
    [{ readOnly: true }, /"redis.readOnly" must be false/],
    [{ family: '4' }, /"redis.family".*Number\(value\)/],
    [{ protocol: 4 }, /"redis.protocol" must be one of 2, 3/],
    [{ commandTimeout: '1s' }, /"redis.commandTimeout"/],
    [{ retryStrategy: 100 }, /"redis.retryStrategy" must be a function/],
    [{ keyPrefix: 1 }, /"redis.keyPrefix"/],
    [{ socket: { host: 'h' } }, /node-redis/],
    [{ retryAttempts: 1 }, /Nest's microservices/],
    [{ uri: SECRET }, /Give the URL itself/],
    [{ toString: 1 }, /no option "redis.toString"/],
  ])('%j: refused', (options, reason) => {
    expect(refusal(options)).toMatch(reason);
  });

  it('knows each option that this ioredis has a default for', () => {
    const client = new Redis({ lazyConnect: true });
    const { sentinels: _, name: __, ...defaults } = client.options as Record<string, unknown>;
    const known = Object.fromEntries(Object.entries(defaults).filter(([, value]) => value != null));
    expect(sourceOf(known)).toEqual({ kind: 'options', options: known });
  });
});
