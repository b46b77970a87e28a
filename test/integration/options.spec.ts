import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import {
  BackplaneConfigError,
  createBackplane,
  RedisBackplaneModule,
  type RedisBackplaneModuleOptions,
} from 'nestjs-redis-backplane';
import { Redis } from 'ioredis';
import { bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';

/** What must not be read in any message. */
const SECRET = 'hunter2';

class Unplain {
  readonly secret = SECRET;
}

type Nonsense = [title: string, options: unknown, names: string, kind: RegExp, fix: RegExp];

const ANY = /./;

const NONSENSE: Nonsense[] = [
  ['a number', { redis: 6379 }, 'redis', /got the number 6379/, /redis:\/\/ or rediss:\/\/ URL/],
  ['null', { redis: null }, 'redis', /got null/, ANY],
  ['true', { redis: true }, 'redis', /got a boolean/, ANY],
  ['a list', { redis: [SECRET] }, 'redis', /got an array/, ANY],
  ['a function', { redis: () => SECRET }, 'redis', /got a function/, ANY],
  ['an unknown object', { redis: new Unplain() }, 'redis', /got an object of Unplain/, ANY],
  ['an empty string', { redis: '' }, 'redis', /no URL/, /redis:\/\/host:port/],
  ['a host', { redis: `${SECRET}@localhost` }, 'redis', /a string that is no URL/, /Write redis/],
  [
    'another protocol',
    { redis: `http://:${SECRET}@localhost` },
    'redis',
    /starts with "http:"/,
    /Write redis:\/\//,
  ],
  [
    'a password that breaks the URL',
    { redis: `redis://:${SECRET}/#?@localhost:x` },
    'redis',
    ANY,
    /percent-encode/,
  ],
  ['no host', { redis: { host: '' } }, 'redis.host', /got an empty string/, /host name/],
  ['a host that is a number', { redis: { host: 1 } }, 'redis.host', /got the number/, /a string/],
  [
    'a port from the environment',
    { redis: { port: '6379', password: SECRET } },
    'redis.port',
    /got a string/,
    /Number\(value\)/,
  ],
  ['a port beyond', { redis: { port: 65_536 } }, 'redis.port', /65536/, /from 1 to 65535/],
  ['port 0', { redis: { port: 0 } }, 'redis.port', /the number 0/, /from 1 to/],
  ['half a port', { redis: { port: 1.5 } }, 'redis.port', /1\.5/, /whole number/],
  ['NaN for a port', { redis: { port: Number.NaN } }, 'redis.port', /got NaN/, /whole number/],
  ['a database in words', { redis: { db: 'one' } }, 'redis.db', /got a string/, /Number\(value\)/],
  ['a database below', { redis: { db: -1 } }, 'redis.db', /the number -1/, /from 0/],
  [
    'a password that is a number',
    { redis: { password: 271_828 } },
    'redis.password',
    /got a number\./,
    /quotes/,
  ],
  ['a user and a host', { redis: `${SECRET}:secret@localhost:1` }, 'redis', /without ":\/\/"/, ANY],
  [
    'a password that is an object',
    { redis: { password: { [SECRET]: 1 } } },
    'redis.password',
    /got an object of Object/,
    /a string/,
  ],
  ['tls that is true', { redis: { tls: true } }, 'redis.tls', /got a boolean/, /Write tls: \{\}/],
  [
    'a Cluster',
    { redis: { nodes: [{ host: SECRET }] } },
    'redis',
    /Cluster/,
    /Give a single Redis/,
  ],
  [
    'a URL in the place of the host',
    { redis: { host: `rediss://user:${SECRET}@host` } },
    'redis.host',
    /got a string/,
    /For a URL write redis: 'redis:/,
  ],
  ['a host with its port', { redis: { host: 'h:1' } }, 'redis.host', /a string/, /port as "port"/],
  ['a URL among options', { redis: { url: SECRET } }, 'redis.url', ANY, /Give the URL itself/],
  ['user', { redis: { user: SECRET } }, 'redis.user', ANY, /Write "username"/],
  ['pass', { redis: { pass: SECRET } }, 'redis.pass', ANY, /Write "password"/],
  ['a typing error', { redis: { hots: SECRET } }, 'redis.hots', ANY, /The options are: redis.host/],
  ['a socket path', { redis: `/run/${SECRET}.sock` }, 'redis', /Unix socket/, /\{ path: /],
  ['a socket URL', { redis: `unix://run/${SECRET}` }, 'redis', /Unix socket/, /\{ path: /],
  ['a leading blank', { redis: ' redis://host' }, 'redis', /white space/, /Trim it/],
  ['a line end', { redis: 'redis://host\n' }, 'redis', /white space/, /Trim it/],
  [
    'a database in a URL',
    { redis: `redis://h/${SECRET}` },
    'redis',
    /no number of a database/,
    ANY,
  ],
  ['a promise', { redis: Promise.resolve(SECRET) }, 'redis', /object of Promise/, /Await it/],
  ['no keys', { eventKeys: [] }, 'eventKeys', /got an empty array/, /Write eventKeys: \[/],
  ['an empty key', { eventKeys: ['a', ''] }, 'eventKeys', /got an empty string/, /Write eventKeys/],
  ['a key that is a number', { eventKeys: [1] }, 'eventKeys', /got the number 1/, /Write event/],
  ['null for keys', { eventKeys: null }, 'eventKeys', /got null/, /Write eventKeys/],
  ['failFast in words', { failFast: 'true' }, 'failFast', /got a string/, /value === 'true'/],
  ['adapter as 1', { adapter: 1 }, 'adapter', /got the number 1/, /true or false/],
  [
    'a time in words',
    { commandTimeoutMs: '2s' },
    'commandTimeoutMs',
    /a string/,
    /Number\(value\)/,
  ],
  ['no time', { commandTimeoutMs: 0 }, 'commandTimeoutMs', /the number 0/, /from 1 to/],
  [
    'more time than a timer can hold',
    { commandTimeoutMs: 2 ** 31 },
    'commandTimeoutMs',
    ANY,
    /to 2147483647/,
  ],
  ['endless time', { authenticateTimeoutMs: Infinity }, 'authenticateTimeoutMs', /Infinity/, ANY],
  ['no time to connect', { connectionTimeoutMs: 0 }, 'connectionTimeoutMs', /number 0/, /from 1/],
  ['heartbeat true', { heartbeat: true }, 'heartbeat', /got a boolean/, /\{ intervalMs, timeoutMs/],
  [
    'a heartbeat in words',
    { heartbeat: { intervalMs: '25' } },
    'heartbeat.intervalMs',
    /a string/,
    /Number/,
  ],
  ['a beat of 0', { heartbeat: { timeoutMs: 0 } }, 'heartbeat.timeoutMs', /the number 0/, ANY],
  ['a size below 1', { maxPayloadBytes: 0 }, 'maxPayloadBytes', /the number 0/, /from 1/],
  ['a limit alone', { limits: 100 }, 'limits', /the number 100/, /Write limits: \{ rooms/],
  ['a limit of 0', { limits: { rooms: 0 } }, 'limits.rooms', /the number 0/, /or false for no/],
  ['a limit that is true', { limits: { rooms: true } }, 'limits.rooms', /a boolean/, /or false/],
  ['a limit in words', { limits: { rooms: '9' } }, 'limits.rooms', /a string/, /Number\(value/],
  ['half a room', { limits: { rooms: 1.5 } }, 'limits.rooms', /1\.5/, /whole number/],
  ['a depth of 0', { maxDepth: 0 }, 'maxDepth', /the number 0/, /from 1, or false/],
  ['endless depth', { maxDepth: Infinity }, 'maxDepth', /Infinity/, /or false/],
  ['a depth in words', { maxDepth: '64' }, 'maxDepth', /a string/, /Number/],
  ['depth as true', { maxDepth: true }, 'maxDepth', /a boolean/, /or false/],
  ['a total of 0', { totalBufferLimitBytes: 0 }, 'totalBufferLimitBytes', /the number 0/, ANY],
  ['a size in words', { bufferLimitBytes: '1mb' }, 'bufferLimitBytes', /a string/, /Number/],
  [
    'another policy',
    { slowClient: SECRET },
    'slowClient',
    /a string/,
    /'disconnect', 'drop' or 'pause'/,
  ],
  ['no function', { authenticate: SECRET }, 'authenticate', /a string/, /a function/],
  ['anonymous in words', { allowAnonymous: 'no' }, 'allowAnonymous', /a string/, /true or false/],
  ['a parser that is none', { messageParser: JSON }, 'messageParser', /an object/, /a function/],
  ['deflate in words', { perMessageDeflate: 'on' }, 'perMessageDeflate', /a string/, ANY],
  ['an unknown option', { eventkeys: [SECRET] }, 'eventkeys', ANY, /The options are: redis, event/],
  ['a name that objects have', { constructor: 1 }, 'constructor', ANY, /The options are/],
];

describe('An option that cannot work', () => {
  guardProcess();

  const messageOf = async (booting: Promise<unknown>): Promise<string> => {
    const error = await booting.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(BackplaneConfigError);
    expect(error).toMatchObject({ name: 'BackplaneConfigError', code: 'BACKPLANE_CONFIG' });
    return (error as Error).message;
  };

  it.each(NONSENSE)('such as %s: %j', async (_, options, names, kind, fix) => {
    const given = options as RedisBackplaneModuleOptions;
    const message = await messageOf(bootApp({ imports: [RedisBackplaneModule.forRoot(given)] }));
    expect(message).toContain(`"${names}"`);
    expect(message).toMatch(kind);
    expect(message).toMatch(fix);
    expect(message).not.toContain(SECRET);
    // The same wherever the options come from.
    const useFactory = async () => given;
    const async = RedisBackplaneModule.forRootAsync({ useFactory });
    expect(await messageOf(bootApp({ imports: [async] }))).toBe(message);
    expect(await messageOf(createBackplane(given))).toBe(message);
  });

  it.each([
    ['nothing at all', undefined],
    ['null', null],
    ['a list', []],
    ['a URL', `redis://:${SECRET}@localhost`],
  ])('in the place of a factory: it returns %s', async (title, options) => {
    const useFactory = () => options as never;
    const booting = bootApp({ imports: [RedisBackplaneModule.forRootAsync({ useFactory })] });
    const message = await messageOf(booting);
    expect(message).toMatch(/an object.*forRoot\(\{ redis/);
    expect(message).not.toContain(SECRET);
    expect(title).not.toBe('');
  });

  it.each<[string, () => unknown, RegExp]>([
    ['forRoot(null)', () => RedisBackplaneModule.forRoot(null as never), /forRoot\(\{/],
    ['forRoot([])', () => RedisBackplaneModule.forRoot([] as never), /forRoot\(\{/],
    [
      'forRoot(URL)',
      () => RedisBackplaneModule.forRoot(`redis://:${SECRET}@localhost` as never),
      /forRoot\(\{/,
    ],
    ['forRootAsync()', () => RedisBackplaneModule.forRootAsync(undefined as never), /forRootAsync/],
    [
      'forRootAsync({})',
      () => RedisBackplaneModule.forRootAsync({}),
      /exactly one of "useFactory"/,
    ],
    [
      'two sources',
      () => RedisBackplaneModule.forRootAsync({ useFactory: () => ({}), useExisting: 'x' }),
      /exactly one of/,
    ],
    [
      'an empty name',
      () => RedisBackplaneModule.forRoot({ name: '' }),
      /"name" must be a non-empty/,
    ],
    [
      'a name that is no string',
      () => RedisBackplaneModule.forRoot({ name: 7 as never }),
      /"name"/,
    ],
    [
      'isGlobal from the environment',
      () => RedisBackplaneModule.forRoot({ isGlobal: 'false' as never }),
      /"isGlobal" must be true or false.*=== 'true'/,
    ],
    [
      'extraProviders that are no list',
      () => RedisBackplaneModule.forRoot({ extraProviders: {} as never }),
      /"extraProviders" must be a list/,
    ],
    [
      'options beside a factory',
      () =>
        RedisBackplaneModule.forRootAsync({ useFactory: () => ({}), eventKeys: ['x'] } as never),
      /takes no "eventKeys": what the factory returns/,
    ],
    [
      'a factory that is none',
      () => RedisBackplaneModule.forRootAsync({ useFactory: 'x' as never }),
      /"useFactory" must be a function/,
    ],
    [
      'useRedis without a host',
      () => RedisBackplaneModule.useRedis(undefined as never, 6379),
      /"host" must be a string/,
    ],
  ])('in the declaration: %s', (_, declare, message) => {
    expect(declare).toThrow(BackplaneConfigError);
    expect(declare).toThrow(message);
    expect(declare).not.toThrow(SECRET);
  });

  it('such as a client of node-redis', async () => {
    class Client {
      readonly isOpen = true;
      readonly options = { url: `redis://:${SECRET}@h` };
      sendCommand(): void {}
      duplicate(): void {}
      publish(): void {}
      on(): void {}
    }
    const message = await messageOf(createBackplane({ redis: new Client() as never }));
    expect(message).toMatch(/the package "redis" \(node-redis\).*ioredis options/);
    expect(message).not.toContain(SECRET);
  });

  it('such as a client for a replica', async () => {
    const redis = new Redis({
      lazyConnect: true,
      sentinels: [{ host: 'h' }],
      name: 'm',
      role: 'slave',
    });
    expect(await messageOf(createBackplane({ redis }))).toMatch(/cannot write/);
  });

  it('such as a client with a database in words', async () => {
    const redis = new Redis(`redis://h/${SECRET}`, { lazyConnect: true });
    expect(await messageOf(createBackplane({ redis }))).toMatch(/whose "db" is no whole number/);
  });

  it('such as a client that was closed before', async () => {
    const redis = new Redis({ lazyConnect: true });
    redis.disconnect();
    const message = await messageOf(createBackplane({ redis }));
    expect(message).toMatch(/"redis" option is an ioredis client that is closed/);
  });
});

describe('Without the option "redis"', () => {
  guardProcess();
  const before = process.env.REDIS_URL;
  beforeEach(() => {
    delete process.env.REDIS_URL;
  });
  afterEach(() => {
    if (before === undefined) delete process.env.REDIS_URL;
    else process.env.REDIS_URL = before;
  });

  it('REDIS_URL is read, and checked under its own name', async () => {
    process.env.REDIS_URL = `mysql://:${SECRET}@localhost`;
    const error = await createBackplane().then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error).toBeInstanceOf(BackplaneConfigError);
    expect(error!.message).toMatch(/"REDIS_URL".*mysql:/);
    expect(error!.message).not.toContain(SECRET);
  });

  it('and is left alone where the option is there', async () => {
    process.env.REDIS_URL = 'mysql://x';
    const app = await NestFactory.createApplicationContext(
      RedisBackplaneModule.forRoot({ redis: 'memory' }),
      { logger: false, abortOnError: false },
    );
    await app.close();
  });
});
