import { describe, expect, it } from '@jest/globals';
import { Controller, Injectable, Scope, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  MessagePattern,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import {
  Backplane,
  BackplaneConfigError,
  BackplaneServer,
  BackplaneSocket,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';
import { firstValueFrom } from 'rxjs';
import { closeAfterEach } from '../support/cleanup.js';
import { freePort } from '../support/free-port.js';
import { LogCapture } from '../support/log-capture.js';
import { bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { WsClient } from '../support/ws-client.js';

const calls: string[] = [];

@WebSocketGateway({ path: '/chat' })
class ChatGateway {
  @WebSocketServer() server!: BackplaneServer;

  handleConnection(@ConnectedSocket() client: BackplaneSocket) {
    calls.push('connected');
    client.emit('hello');
  }

  handleDisconnect() {
    calls.push('gone');
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    calls.push('echo');
    return { event: 'echo', data };
  }
}

@WebSocketGateway({ path: '/chat' })
class SecondGateway {
  @SubscribeMessage('second')
  second() {
    calls.push('second');
    return { event: 'second', data: 2 };
  }
}

@Injectable({ scope: Scope.REQUEST })
@WebSocketGateway({ path: '/scoped' })
class ScopedGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    calls.push('scoped');
    return { event: 'echo', data };
  }
}

@Controller()
class SumController {
  constructor(private readonly backplane: Backplane) {}

  @MessagePattern('sum')
  sum([a, b]: [number, number]) {
    this.backplane.hub('/chat').emit('summed', a + b);
    return a + b;
  }
}

const imports = [RedisBackplaneModule.forRoot({ redis: 'memory' })];
const gateways = [ChatGateway, SecondGateway, ScopedGateway];
const tcp = (port: number): MicroserviceOptions => ({
  transport: Transport.TCP,
  options: { host: '127.0.0.1', port },
});
const ask = async (port: number) => {
  const client = ClientProxyFactory.create(tcp(port) as never);
  const sum = await firstValueFrom(client.send<number>('sum', [2, 3]));
  client.close();
  return sum;
};

describe('A hybrid app', () => {
  guardProcess();
  const track = closeAfterEach();

  it.each([
    ['that inherits the config, and is initialised later', [true], true],
    ['that inherits the config', [false], true],
    ['with a config of its own', [false], false],
    ['twice', [true, true], true],
  ])('with a microservice %s calls each handler once', async (_, defers, inheritAppConfig) => {
    calls.length = 0;
    const ports = await Promise.all(defers.map(() => freePort()));
    const app = track(
      await bootApp({
        imports,
        providers: gateways,
        controllers: [SumController],
        configure: async (nest) => {
          for (const [i, deferInitialization] of defers.entries())
            nest.connectMicroservice(tcp(ports[i]!), { inheritAppConfig, deferInitialization });
          await nest.startAllMicroservices();
        },
      }),
    );
    const client = track(await WsClient.connect(app.url('/chat')));
    expect(await client.next()).toEqual({ event: 'hello' });
    expect(await client.settle()).toEqual([]);
    client.sendEvent('second');
    expect(await client.next()).toEqual({ event: 'second', data: 2 });
    const scoped = track(await WsClient.connect(app.url('/scoped')));
    expect(await scoped.settle()).toEqual([]);
    const server = app.app.get(ChatGateway).server;
    expect([await server.count(), server.clients.size]).toEqual([1, 1]);
    for (const port of ports) {
      expect(await ask(port)).toBe(5);
      expect(await client.next()).toEqual({ event: 'summed', data: 5 });
    }
    await app.close();
    expect(await client.awaitClose()).toMatchObject({ code: 1001 });
    expect(calls).toEqual(['connected', 'echo', 'second', 'scoped', 'gone']);
  });
});

describe('A microservice without an HTTP server', () => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async (providers: Type[], port: number) => {
    const log = new LogCapture();
    class Root {}
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(
      { module: Root, imports, providers, controllers: [SumController] },
      { ...tcp(port), logger: log, abortOnError: false },
    );
    track({ dispose: () => app.close() });
    await app.listen();
    return { app, log };
  };

  it('emits and publishes', async () => {
    const port = await freePort();
    const { app } = await boot([], port);
    expect(await ask(port)).toBe(5);
    await app.get(Backplane).hub('/chat').publish('said', 1);
    await app.close();
    expect(app.get(Backplane).status).toBe('closed');
  });

  it('refuses a gateway that has no port, and says what to do', async () => {
    const booting = boot([ChatGateway], await freePort());
    await expect(booting).rejects.toThrow(BackplaneConfigError);
    await expect(booting).rejects.toThrow(/no HTTP server.*connectMicroservice/s);
  });
});
