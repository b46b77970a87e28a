import { createServer } from 'node:http';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, type Type } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { RedisBackplaneAdapter, RedisBackplaneModule } from 'nestjs-redis-backplane';
import { uniqueKey } from '../integration/fixtures/backends.js';
import { closeAfterEach } from '../support/cleanup.js';
import { freePort } from '../support/free-port.js';
import { bootApp, type BootOptions, HTTP_KINDS } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { UpgradeRefusedError, WsClient } from '../support/ws-client.js';

@WebSocketGateway({ path: '/chat' })
class Chat {}

@Controller()
class SinglePageApp {
  @Get('{*any}')
  @Header('Content-Type', 'text/html')
  page() {
    return '<!doctype html>';
  }
}

/** What decorators of Socket.IO gateways have, and what the error advises. */
const SOCKET_IO_OPTIONS: [name: string, value: unknown, instead: RegExp][] = [
  ['allowRequest', () => {}, /verifyClient.*"authenticate"/],
  ['cors', { origin: 'https://example.org' }, /request\.headers\.origin/],
  ['cors', true, /request\.headers\.origin/],
  ['cors', false, /request\.headers\.origin/],
  ['origins', '*:*', /request\.headers\.origin/],
  ['handlePreflightRequest', () => {}, /request\.headers\.origin/],
  ['pingInterval', 25_000, /heartbeat: \{ intervalMs/],
  ['pingTimeout', 20_000, /heartbeat: \{ intervalMs/],
  ['maxHttpBufferSize', 1e6, /maxPayload/],
  ['connectTimeout', 45_000, /connectionTimeoutMs/],
  ['connectionStateRecovery', {}, /history/],
  ['cookie', true, /sticky/],
  ['transports', ['websocket'], /Leave it out/],
  ['allowUpgrades', false, /Leave it out/],
  ['upgradeTimeout', 10_000, /Leave it out/],
  ['httpCompression', true, /Leave it out/],
  ['destroyUpgrade', false, /404/],
  ['destroyUpgradeTimeout', 1_000, /404/],
  ['addTrailingSlash', false, /as they were sent/],
  ['allowEIO3', true, /plain WebSockets/],
  ['serveClient', false, /Leave it out/],
  ['initialPacket', 'hi', /handleConnection/],
  ['wsEngine', 'ws', /Leave it out/],
  ['adapter', () => {}, /RedisIoAdapter/],
  ['parser', {}, /messageParser/],
  ['cleanupEmptyChildNamespaces', true, /hub/],
];

const OF_WS = {
  verifyClient: () => true,
  handleProtocols: () => false as const,
  maxPayload: 1_000,
  perMessageDeflate: false,
  skipUTF8Validation: false,
  allowSynchronousEvents: true,
  autoPong: true,
  clientTracking: true,
  closeTimeout: 1_000,
  hub: 'named',
  cors: undefined,
};

/** The beginning of a client of Socket.IO 3 or 4, before it asks for an upgrade, and after. */
const POLLING = '/socket.io/?EIO=4&transport=polling&t=abc';
const UPGRADE = '/socket.io/?EIO=4&transport=websocket&sid=x';

describe('the wrong door', () => {
  guardProcess();
  const track = closeAfterEach();

  const backplane = () =>
    RedisBackplaneModule.forRoot({ redis: 'memory', eventKeys: [uniqueKey()] });
  const boot = async (options: BootOptions = {}) =>
    track(await bootApp({ imports: [backplane()], providers: [Chat], ...options }));

  const refusal = (url: string): Promise<UpgradeRefusedError> =>
    WsClient.connect(url).then(
      (client) => track(client).closed.then(() => Promise.reject(new Error('It was let in.'))),
      (error: UpgradeRefusedError) => error,
    );

  it.each(SOCKET_IO_OPTIONS)(
    'the option "%s" of Socket.IO fails the boot',
    async (name, value, instead) => {
      @WebSocketGateway({ path: '/left', [name]: value })
      class LeftGateway {}
      const booting = boot({ providers: [LeftGateway as Type] });
      await expect(booting).rejects.toMatchObject({
        name: 'BackplaneConfigError',
        message: expect.stringMatching(`"/left" has the option "${name}"`),
      });
      await expect(booting).rejects.toThrow(instead);
    },
  );

  it('all options that are wrong are named in one error', async () => {
    @WebSocketGateway(80, { path: '/events', transports: ['websocket'], cors: true })
    class FromTheDocs {}
    const booting = boot({ providers: [FromTheDocs] });
    for (const named of [/path "\/events"/, /option "transports"/, /option "cors"/])
      await expect(booting).rejects.toThrow(named);
  });

  it('the options of ws stay, and so does what is undefined', async () => {
    @WebSocketGateway({ path: '/left', ...OF_WS })
    class LeftGateway {}
    const app = await boot({ providers: [LeftGateway] });
    await track(await WsClient.connect(app.url('/left'))).close();
  });

  it('the class of the module alone fails the boot with the call that is missing', async () => {
    const booting = boot({ imports: [RedisBackplaneModule] });
    await expect(booting).rejects.toThrow(/Write imports: \[RedisBackplaneModule\.forRoot\(/);
    await expect(booting).rejects.not.toThrow(/socket\.io/i);
  });

  it('the class of the module beside its forRoot is let pass', async () => {
    const app = await boot({ imports: [RedisBackplaneModule, backplane()] });
    await track(await WsClient.connect(app.url('/chat'))).close();
  });

  describe.each(HTTP_KINDS)('on %s', (http) => {
    it.each([
      ['Socket.IO', POLLING, UPGRADE],
      ['SignalR', '/chat/negotiate?negotiateVersion=1', '/signalr/connect?transport=webSockets'],
      ['SockJS', '/sockjs/123/abcdefgh/xhr_streaming', '/sockjs/123/abcdefgh/websocket'],
    ])('a client of %s gets one line in the log', async (name, poll, upgrade) => {
      const app = await boot({ http });
      const hints = () => app.log.matching(`A ${name} client tries to connect`);
      expect((await fetch(app.httpUrl(poll))).status).toBe(404);
      expect(hints()).toHaveLength(1);
      expect(hints()[0]).toContain(
        `WARN [RedisBackplaneAdapter] A ${name} client tries to connect ("GET ${poll}")`,
      );
      expect(hints()[0]).toContain('new WebSocket(');
      await fetch(app.httpUrl(poll));
      expect((await refusal(app.url(upgrade))).statusCode).toBe(404);
      expect(hints()).toHaveLength(1);
    });
  });

  it('a client of Socket.IO is seen by its upgrade alone, at a gateway too, and on a port of its own', async () => {
    const port = await freePort();
    @WebSocketGateway(port)
    class OwnPort {}
    const first = await boot();
    await refusal(first.url(UPGRADE));
    expect(first.log.matching('A Socket.IO client tries to connect')).toHaveLength(1);
    const second = await boot();
    await track(await WsClient.connect(second.url('/chat?EIO=4&transport=websocket'))).close();
    expect(second.log.matching('A Socket.IO client tries to connect')).toHaveLength(1);
    const third = await boot({ providers: [OwnPort] });
    expect((await fetch(`http://127.0.0.1:${port}${POLLING}`)).status).toBe(426);
    expect(third.log.matching('A Socket.IO client tries to connect')).toHaveLength(1);
  });

  it('a client of Socket.IO that gets the page of a single-page app is seen', async () => {
    const app = await boot({ controllers: [SinglePageApp] });
    expect((await fetch(app.httpUrl(POLLING))).status).toBe(200);
    expect(app.log.matching('A Socket.IO client tries to connect')).toHaveLength(1);
  });

  it('a client of Socket.IO that a server of its own answers is none of ours', async () => {
    const httpServer = createServer((_request, response) => {
      response.setHeader('Content-Type', 'text/plain; charset=UTF-8').end('0{"sid":"x"}');
    });
    // As Engine.IO does.
    httpServer.on('upgrade', (request, socket) => {
      if (request.url === UPGRADE) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await once(httpServer.listen(0, '127.0.0.1'), 'listening');
    track({ dispose: () => void httpServer.close() });
    const adapter: BootOptions['adapter'] = (app) => new RedisBackplaneAdapter(app, { httpServer });
    const app = await boot({ adapter });
    const { port } = httpServer.address() as { port: number };
    expect((await fetch(`http://127.0.0.1:${port}${POLLING}`)).status).toBe(200);
    expect((await refusal(`ws://127.0.0.1:${port}${UPGRADE}`)).statusCode).toBe(400);
    expect(app.log.matching('client tries to connect')).toEqual([]);
  });

  it('a path without a gateway is in the log once, at debug level, with the paths that there are', async () => {
    const app = await boot();
    for (const path of ['/Chat', '/Chat?token=hunter2', '/chat/', '/a\u0000b'])
      expect((await refusal(app.url(path))).statusCode).toBe(404);
    expect((await refusal(app.url('/%zz'))).statusCode).toBe(400);
    const lines = app.log.matching('where no gateway is');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toBe(
      'DEBUG [RedisBackplaneAdapter] An upgrade to "/Chat", where no gateway is, was answered with 404. Gateways are at "/chat".',
    );
    expect(lines[3]).toContain('answered with 400');
    expect(app.log.matching('hunter2')).toEqual([]);
  });
});
