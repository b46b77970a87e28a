import { expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { ApplicationConfig, NestFactory } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import {
  Backplane,
  createBackplane,
  getBackplaneToken,
  InjectBackplane,
  RedisBackplaneAdapter,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { bootApp, type BootOptions } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { Apps, News } from './fixtures/apps.js';
import { describeOnRedis } from './fixtures/backends.js';
import { Roomy } from './fixtures/room.gateway.js';

describeOnRedis('Backplanes of an app', (redis) => {
  guardProcess();
  const track = closeAfterEach();
  const apps = new Apps(track);

  it('works in a process without a server, which then only publishes', async () => {
    const where = redis.options();
    const app = await apps.boot([RedisBackplaneModule.forRoot(where)]);
    const reader = await apps.readerAt(app);

    @Module({ imports: [RedisBackplaneModule.forRoot(where)], providers: [News] })
    class WorkerModule {}
    const worker = await NestFactory.createApplicationContext(WorkerModule, {
      logger: new LogCapture(),
      abortOnError: false,
    });
    const backplane = worker.get(Backplane);
    expect(backplane.status).toBe('ready');
    worker.get(News).tell('from a worker');
    expect(await reader.nextEvent('news')).toBe('from a worker');
    await backplane.hub('/chat').publish('published', 1);
    expect(await reader.nextEvent('published')).toBe(1);
    // It hears of no hub: the app alone is subscribed there.
    const hub = `{${where.eventKeys[0]}}:all:/chat`;
    expect(await redis.server.cli('pubsub', 'numsub', hub)).toEqual([hub, 1]);
    await worker.close();
    expect(backplane.status).toBe('closed');
  });

  it('has its like outside of Nest', async () => {
    const where = redis.options();
    const app = await apps.boot([RedisBackplaneModule.forRoot(where)]);
    const reader = await apps.readerAt(app);
    const backplane = await createBackplane(where);
    await backplane.ready();
    backplane.hub('/chat').emit('said', 1);
    await backplane.hub('/chat').to('readers').publish('said', 2);
    expect(await reader.frames(2)).toEqual([1, 2].map((data) => ({ event: 'said', data })));
    await backplane.close();
    await expect(backplane.publish('said')).rejects.toThrow('closed');
  });

  it('may be there several times, each under its name', async () => {
    const where = redis.options();
    const others = redis.options();
    const module = RedisBackplaneModule;

    @Injectable()
    class Both {
      constructor(
        readonly own: Backplane,
        @InjectBackplane('other') readonly other: Backplane,
      ) {}
    }
    for (const imports of [
      [module.forRoot(where), module.forRoot({ ...others, name: 'other' })],
      [module.forRoot({ ...others, name: 'other' }), module.forRoot(where)],
    ]) {
      const app = await apps.boot(imports, { providers: [Both] });
      const elsewhere = await apps.boot([module.forRoot(others)]);
      const [reader, far] = [await apps.readerAt(app), await apps.readerAt(elsewhere)];
      const both = app.app.get(Both);
      expect(both.other).not.toBe(both.own);
      expect(app.app.get(getBackplaneToken('other'))).toBe(both.other);
      await Promise.all([both.own.ready(), both.other.ready()]);
      // The gateways of an app are on its default backplane, whichever was imported first.
      both.other.hub('/chat').emit('of', 'other');
      both.own.hub('/chat').emit('of', 'own');
      expect(await far.nextEvent('of')).toBe('other');
      expect(await reader.nextEvent('of')).toBe('own');
      expect([reader, far].map(({ received }) => received.length)).toEqual([1, 1]);
      await Promise.all([app.close(), elsewhere.close()]);
      expect([both.own.status, both.other.status]).toEqual(['closed', 'closed']);
    }
  });

  it('of which the only one has a name serves the gateways', async () => {
    const where = redis.options();
    const app = await apps.boot([RedisBackplaneModule.forRoot({ ...where, name: 'only' })]);
    const plain = await apps.boot([RedisBackplaneModule.forRoot(where)]);
    const reader = await apps.readerAt(app);
    await app.app.get<Backplane>(getBackplaneToken('only')).ready();
    apps.serverOf(plain).to('readers').emit('said', 1);
    expect(await reader.nextEvent('said')).toBe(1);
  });

  it.each([true, false])('installs an adapter by itself, or none, as told: %s', async (adapter) => {
    const imports = [RedisBackplaneModule.forRoot({ ...redis.options(), adapter })];
    const { app } = track(await bootApp({ imports }));
    const installed: unknown = app.get(ApplicationConfig).getIoAdapter();
    expect(installed instanceof RedisBackplaneAdapter).toBe(adapter);
  });

  it('leaves an adapter alone that the app sets', async () => {
    const where = redis.options();
    let created: RedisBackplaneAdapter | undefined;
    const app = await apps.boot([RedisBackplaneModule.forRoot({ ...where, adapter: false })], {
      adapter: (nest) => (created = new RedisBackplaneAdapter(nest, { maxPayloadBytes: 100 })),
    });
    await apps.expectTogether(where, app);
    expect(created).toBeDefined();
    const client = await apps.readerAt(app);
    client.send('x'.repeat(101));
    expect(await client.awaitClose()).toMatchObject({ code: 1009 });
  });

  it('says which hub is where', async () => {
    @WebSocketGateway({ path: '/named', hub: 'by name' })
    class Named extends Roomy {}
    const log = new LogCapture();
    const app = await apps.boot([RedisBackplaneModule.forRoot(redis.options())], {
      log,
      providers: [Named],
    });
    // The gateways' order is Nest's affair.
    expect(log.matching('Hub "').sort()).toEqual([
      'LOG [RedisBackplaneAdapter] Hub "/chat" at path "/chat"',
      'LOG [RedisBackplaneAdapter] Hub "by name" at path "/named"',
    ]);
    expect(apps.serverOf(app, Named)).toMatchObject({ hub: 'by name', path: '/named' });
  });

  it.each<[string, (adapter: typeof RedisBackplaneAdapter) => BootOptions]>([
    ['without the module', (Adapter) => ({ adapter: (app) => new Adapter(app) })],
    [
      'for a backplane that is not there',
      (Adapter) => ({
        imports: [RedisBackplaneModule.forRoot({ redis: 'memory', adapter: false })],
        adapter: (app) => new Adapter(app, { backplane: 'other' }),
      }),
    ],
  ])('is asked for by an adapter that was set %s', async (_, options) => {
    await expect(bootApp(options(RedisBackplaneAdapter))).rejects.toThrow(
      /finds no backplane.*Import RedisBackplaneModule\.forRoot/,
    );
  });
});
