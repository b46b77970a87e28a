import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { LazyModuleLoader, NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Backplane,
  BackplaneUnavailableError,
  getBackplaneToken,
  RedisBackplaneModule,
  type RedisBackplaneModuleOptions,
} from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { type BootedApp, bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { nextTurn } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';

@WebSocketGateway()
class EchoGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return { event: 'echo', data };
  }
}

const sync = (options: RedisBackplaneModuleOptions = {}) =>
  RedisBackplaneModule.forRoot({ redis: 'memory', ...options });
const later = (options: RedisBackplaneModuleOptions = {}) => {
  const { isGlobal, name, ...given } = options;
  return RedisBackplaneModule.forRootAsync({
    ...(isGlobal === undefined ? {} : { isGlobal }),
    ...(name === undefined ? {} : { name }),
    useFactory: async () => {
      await nextTurn(5);
      return { redis: 'memory', ...given };
    },
  });
};

/** A module of the app that imports ours as well, and shows what it is given. */
function featureOf(backplane: DynamicModule): Type {
  @Module({
    imports: [backplane],
    providers: [
      EchoGateway,
      { provide: 'SEEN', useFactory: (seen: Backplane) => seen, inject: [Backplane] },
    ],
  })
  class FeatureModule {}
  return FeatureModule;
}

describe('An app', () => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async (root: DynamicModule, feature: DynamicModule): Promise<BootedApp> =>
    track(await bootApp({ imports: [root, featureOf(feature)] }));
  const expectServes = async (app: BootedApp) => {
    const client = track(await WsClient.connect(app.url()));
    expect(await client.settle()).toEqual([]);
  };

  describe('with forRoot in two modules, of the same options, has one backplane:', () => {
    it.each([
      ['both at once', sync(), sync()],
      ['one later', sync(), later()],
      ['both later', later(), later()],
      ['one for its module alone', sync(), sync({ isGlobal: false })],
      ['each for its module alone', sync({ isGlobal: false }), sync({ isGlobal: false })],
      ['later, and for its module alone', later({ isGlobal: false }), later()],
    ])('%s', async (_, root, feature) => {
      const app = await boot(root, feature);
      const all = app.app.get<Backplane>(Backplane, { strict: false, each: true });
      expect(new Set([...all, app.app.get<Backplane>('SEEN', { strict: false })]).size).toBe(1);
      await expectServes(app);
      await app.close();
      expect(all[0]!.status).toBe('closed');
    });
  });

  it.each([
    ['eventKeys', sync(), sync({ eventKeys: ['other'] })],
    ['adapter', sync(), later({ adapter: false })],
    ['commandTimeoutMs', later({ commandTimeoutMs: 100 }), later({ commandTimeoutMs: 200 })],
  ])(
    'with forRoot in two modules that differ in "%s" does not boot, and hears where',
    async (option, root, feature) => {
      await expect(boot(root, feature)).rejects.toThrow(
        new RegExp(
          `"default", in TestRootModule and FeatureModule, and the options differ: "${option}"`,
        ),
      );
    },
  );

  it('with two backplanes has both', async () => {
    const app = await boot(sync(), sync({ name: 'second', eventKeys: ['second'] }));
    const second = app.app.get<Backplane>(getBackplaneToken('second'));
    expect(second).not.toBe(app.app.get(Backplane));
    await expectServes(app);
  });

  it('serves on, and closes, where a lazy module has a forRoot of its own', async () => {
    const app = track(await bootApp({ imports: [sync()], providers: [EchoGateway] }));
    const lazy = app.app.get(LazyModuleLoader);
    await lazy.load(() => featureOf(sync()));
    await expect(lazy.load(() => otherFeature())).rejects.toThrow(
      'the options differ: "eventKeys"',
    );
    await expectServes(app);
    await app.close();
  });

  it('is previewed without a connection', async () => {
    let connections = 0;
    const redis = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    track({ dispose: () => void redis.close() });
    await once(redis.listen(0, '127.0.0.1'), 'listening');
    const { port } = redis.address() as AddressInfo;
    const options = { redis: { host: '127.0.0.1', port }, failFast: true };
    @Module({ imports: [RedisBackplaneModule.forRoot(options)], providers: [EchoGateway] })
    class PreviewedModule {}
    const create = (preview: boolean) =>
      NestFactory.create(PreviewedModule, { preview, logger: false, abortOnError: false });
    await (await create(true)).close();
    expect(connections).toBe(0);
    // The same app without a preview does connect.
    await expect(create(false)).rejects.toThrow(BackplaneUnavailableError);
    expect(connections).toBeGreaterThan(0);
  });

  it('serves its gateways where a test has put a double in the place of Backplane', async () => {
    const double = { to: () => ({ emit: () => {} }) };
    const module = await Test.createTestingModule({ imports: [sync()], providers: [EchoGateway] })
      .overrideProvider(Backplane)
      .useValue(double)
      .compile();
    const app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as { port: number };
    const client = track(await WsClient.connect(`ws://127.0.0.1:${port}`));
    expect(await client.settle()).toEqual([]);
    expect(app.get(Backplane)).toBe(double);
    await app.close();
  });

  it('hears of an adapter that main.ts sets in the place of ours, once', async () => {
    const adapter = (app: ConstructorParameters<typeof WsAdapter>[0]) => new WsAdapter(app);
    const imports = [sync(), sync({ name: 'second' })];
    const app = track(
      await bootApp({ imports, providers: [EchoGateway], adapter: adapter as never }),
    );
    const lines = app.log.lines.filter((line) => line.includes('main.ts sets WsAdapter'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('Remove app.useWebSocketAdapter(new WsAdapter(…))');
  });
});

function otherFeature(): Type {
  @Module({ imports: [sync({ eventKeys: ['lazy'] })] })
  class LazyModule {}
  return LazyModule;
}
