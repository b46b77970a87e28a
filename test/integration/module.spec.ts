import { expect, it } from '@jest/globals';
import { Injectable, Module, Optional } from '@nestjs/common';
import { Redis } from 'ioredis';
import {
  Backplane,
  getBackplaneToken,
  RedisBackplaneModule,
  type RedisBackplaneOptions,
  type RedisBackplaneOptionsFactory,
} from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { Apps, News } from './fixtures/apps.js';
import { type BackendOptions, describeOnRedis } from './fixtures/backends.js';

/** Where the options of a test's apps come from. */
abstract class Settings {
  abstract readonly backplane: BackendOptions;
}

@Injectable()
class OptionsFactory implements RedisBackplaneOptionsFactory {
  constructor(private readonly settings: Settings) {}

  async createRedisBackplaneOptions(): Promise<RedisBackplaneOptions> {
    return this.settings.backplane;
  }
}

describeOnRedis('RedisBackplaneModule', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  const settingsModule = (where: BackendOptions, isGlobal = false) => {
    @Module({
      providers: [{ provide: Settings, useValue: { backplane: where } }],
      exports: [Settings],
    })
    class SettingsModule {}
    return { module: SettingsModule, global: isGlobal };
  };

  const apps = new Apps(track);

  type Async = Parameters<typeof RedisBackplaneModule.forRootAsync>[0];

  const asyncForms: [string, (where: BackendOptions) => Async][] = [
    ['a factory', (where) => ({ useFactory: () => where })],
    [
      'an async factory with imports and inject',
      (where) => ({
        imports: [settingsModule(where)],
        inject: [Settings],
        useFactory: async (settings: Settings) => settings.backplane,
      }),
    ],
    [
      'a factory with an optional dependency that is not there',
      (where) => ({
        inject: [{ token: 'nowhere', optional: true }],
        useFactory: (missing: unknown) => (missing === undefined ? where : { redis: 'memory' }),
      }),
    ],
    [
      'a class with dependencies',
      (where) => ({ imports: [settingsModule(where)], useClass: OptionsFactory }),
    ],
    [
      'a class with extraProviders',
      (where) => ({
        extraProviders: [{ provide: Settings, useValue: { backplane: where } }],
        useClass: OptionsFactory,
      }),
    ],
    [
      'an existing provider',
      (where) => ({
        extraProviders: [
          { provide: Settings, useValue: { backplane: where } },
          { provide: 'factory', useClass: OptionsFactory },
        ],
        useExisting: 'factory',
      }),
    ],
    [
      'a factory with extraProviders',
      (where) => ({
        extraProviders: [{ provide: 'where', useFactory: async () => where }],
        inject: ['where'],
        useFactory: (found: BackendOptions) => found,
      }),
    ],
  ];

  it.each(asyncForms)('takes its options from %s', async (_, form) => {
    const where = redis.options();
    await apps.expectTogether(
      where,
      await apps.boot([RedisBackplaneModule.forRootAsync(form(where))]),
    );
  });

  it('takes them as useRedis(host, port, password, eventKeys)', async () => {
    const { host, port } = redis.server;
    const where = redis.options();
    const [key] = where.eventKeys;
    for (const module of [
      RedisBackplaneModule.useRedis(host, port, '', where.eventKeys),
      RedisBackplaneModule.useRedis(host, port, undefined, key),
    ]) {
      await apps.expectTogether(where, await apps.boot([module]));
    }
  });

  it("takes an app's own client, and leaves it open", async () => {
    const where = redis.options();
    const client = new Redis(redis.server.url);
    try {
      const app = await apps.boot([RedisBackplaneModule.forRoot({ ...where, redis: client })]);
      await apps.expectTogether(where, app);
      await app.close();
      expect(await client.ping()).toBe('PONG');
      expect(client.listenerCount('error')).toBe(0);
    } finally {
      await client.quit();
    }
  });

  it('provides the backplane to all modules, by its class and by decorator', async () => {
    @Module({ providers: [News], exports: [News] })
    class NewsModule {}
    const app = await apps.boot([RedisBackplaneModule.forRoot(redis.options()), NewsModule]);
    const news = app.app.get(News);
    expect(news.byDecorator).toBe(news.backplane);
    expect(getBackplaneToken()).toBe(Backplane);
    expect(app.app.get(getBackplaneToken())).toBe(news.backplane);
    const reader = await apps.readerAt(app);
    news.tell('from a service');
    expect(await reader.nextEvent('news')).toBe('from a service');
  });

  it('with isGlobal: false, only to the modules that import it', async () => {
    @Injectable()
    class Stranger {
      constructor(@Optional() readonly backplane?: Backplane) {}
    }
    const module = RedisBackplaneModule.forRoot({ ...redis.options(), isGlobal: false });

    @Module({ imports: [module], providers: [News] })
    class Importer {}
    @Module({ providers: [Stranger] })
    class StrangersModule {}
    const app = await apps.boot([module, Importer, StrangersModule]);
    expect(app.app.get(Stranger, { strict: false }).backplane).toBeUndefined();
    const reader = await apps.readerAt(app);
    app.app.get(News, { strict: false }).tell('still');
    expect(await reader.nextEvent('news')).toBe('still');
  });
});
