import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import {
  BackplaneConfigError,
  BackplaneServer,
  RedisBackplaneAdapter,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { freePort } from '../support/free-port.js';
import { bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { WsClient } from '../support/ws-client.js';

const imports = [RedisBackplaneModule.forRoot({ redis: 'memory' })];

@WebSocketGateway({ path: '/chat' })
class ChatGateway {
  @WebSocketServer() server!: BackplaneServer;

  @SubscribeMessage('echo')
  echo(_: unknown, data: unknown) {
    return { event: 'echo', data };
  }
}

describe('An adapter with several HTTP servers', () => {
  guardProcess();
  const track = closeAfterEach();

  it('listens once to a server that is given twice', async () => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    track({ dispose: () => void server.close() });
    const adapter = (nest: INestApplication) =>
      new RedisBackplaneAdapter(nest, { httpServer: [server, server] });
    const app = track(await bootApp({ imports, providers: [ChatGateway], adapter }));
    expect(server.listenerCount('upgrade')).toBe(1);
    const { port } = server.address() as AddressInfo;
    const client = track(await WsClient.connect(`ws://127.0.0.1:${port}/chat`));
    expect(await client.settle()).toEqual([]);
    await app.close();
  });

  it('serves gateways on each, and leaves them as they were', async () => {
    const servers = [createServer(), createServer()];
    for (const server of servers) {
      await once(server.listen(0, '127.0.0.1'), 'listening');
      track({ dispose: () => void server.close() });
    }
    const app = track(
      await bootApp({
        imports,
        providers: [ChatGateway],
        adapter: (nest) => new RedisBackplaneAdapter(nest, { httpServer: servers }),
      }),
    );
    const urls = servers.map(
      (server) => `ws://127.0.0.1:${(server.address() as AddressInfo).port}/chat`,
    );
    const clients = await Promise.all(urls.map((url) => WsClient.connect(url)));
    for (const client of clients) expect(await track(client).settle()).toEqual([]);
    expect(await app.app.get(ChatGateway).server.count()).toBe(2);
    await app.close();
    for (const client of clients) expect((await client.awaitClose()).code).toBe(1001);
    expect(servers.map((server) => server.listenerCount('upgrade'))).toEqual([0, 0]);
    expect(servers.every(({ listening }) => listening)).toBe(true);
  });

  it.each([[[]], [[createServer(), 'localhost']], ['localhost:3000'], [null], [3000]])(
    'refuses %j',
    async (httpServer) => {
      const booting = bootApp({
        imports,
        adapter: (nest) => new RedisBackplaneAdapter(nest, { httpServer: httpServer as never }),
      });
      await expect(booting).rejects.toThrow(BackplaneConfigError);
      await expect(booting).rejects.toThrow('"httpServer" must be an HTTP server');
    },
  );
});

describe('close() of a gateway on a port of its own', () => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async (paths: readonly string[]) => {
    const port = await freePort();
    const gateways = paths.map((path) => {
      @WebSocketGateway(port, { path, host: '127.0.0.1' })
      class OwnPortGateway extends ChatGateway {}
      return OwnPortGateway;
    });
    const app = track(await bootApp({ imports, providers: gateways }));
    const url = (path: string) => `ws://127.0.0.1:${port}${path}`;
    const servers = gateways.map((gateway) => app.app.get(gateway).server);
    return { app, url, servers };
  };

  it('stops listening, and leaves the clients that are there', async () => {
    const { app, url, servers } = await boot(['/a']);
    const [server] = servers as [BackplaneServer];
    const client = track(await WsClient.connect(url('/a')));
    const told: string[] = [];
    server.on('close', () => told.push('close'));
    const done = new Promise<void>((resolve) =>
      server.close(() => {
        told.push('done');
        resolve();
      }),
    );
    await expect(WsClient.connect(url('/a'))).rejects.toThrow('ECONNREFUSED');
    expect(await client.settle()).toEqual([]);
    expect(told).toEqual([]);
    await client.close();
    await done;
    expect(told).toEqual(['close', 'done']);
    await app.close();
  });

  it('goes on listening for another gateway, until that is closed as well', async () => {
    const { app, url, servers } = await boot(['/a', '/b']);
    servers[0]!.close();
    await expect(WsClient.connect(url('/a'))).rejects.toThrow('503');
    track(await WsClient.connect(url('/b')));
    servers[1]!.close();
    await expect(WsClient.connect(url('/b'))).rejects.toThrow('ECONNREFUSED');
    await app.close();
  });
});

describe('The ws server of a gateway', () => {
  guardProcess();
  const track = closeAfterEach();

  /** The status, and the body, of what a handshake is answered with. */
  const shake = async (port: number, headers: Record<string, string>) => {
    const options = { host: '127.0.0.1', port, path: '/chat', headers };
    const request = httpRequest(options).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of response) body += String(chunk);
    return [response.statusCode, body];
  };
  const handshake = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };

  it('lets a listener of wsClientError answer a bad handshake', async () => {
    const app = track(await bootApp({ imports, providers: [ChatGateway] }));
    const { server } = app.app.get(ChatGateway);
    const seen: unknown[] = [];
    server.on('wsClientError', function (this: unknown, ...args: unknown[]) {
      const [error, socket, request] = args as [Error, Socket, IncomingMessage];
      seen.push([this, error.message, request.url]);
      socket.end('HTTP/1.1 418 Teapot\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine');
    });
    const bad = { ...handshake, 'sec-websocket-key': 'short' };
    expect(await shake(app.port, bad)).toEqual([418, 'mine']);
    expect(seen).toEqual([[server, expect.stringContaining('Sec-WebSocket-Key'), '/chat']]);
    server.removeAllListeners('wsClientError');
    expect((await shake(app.port, bad))[0]).toBe(400);
  });

  it('refuses what shouldHandle() refuses', async () => {
    const app = track(await bootApp({ imports, providers: [ChatGateway] }));
    const { server } = app.app.get(ChatGateway);
    server.raw.shouldHandle = ({ headers }) => headers['x-token'] === 'good';
    expect((await shake(app.port, handshake))[0]).toBe(400);
    const headers = { 'x-token': 'good' };
    const client = track(await WsClient.connect(app.url('/chat'), { headers }));
    expect(await client.settle()).toEqual([]);
    expect(server.shouldHandle({ headers } as unknown as IncomingMessage)).toBe(true);
  });
});
