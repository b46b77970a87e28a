import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Headers, Post } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import {
  RedisBackplaneAdapter,
  RedisBackplaneModule,
  type RedisBackplaneOptions,
} from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { freePort } from '../support/free-port.js';
import { Gate } from '../support/gate.js';
import { bootApp, HTTP_KINDS, type BootOptions } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { RawWsClient } from '../support/raw-ws-client.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';

const UPGRADE = {
  Host: 'localhost',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

type Lines = Record<string, string | readonly string[] | undefined>;

/**
 * A request, byte for character, with some headers of an upgrade changed, given twice, or left out.
 */
function requestOf(firstLine: string, changes: Lines = {}, body = ''): Buffer {
  const lines = Object.entries({ ...UPGRADE, ...changes } as Lines).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}`),
  );
  return Buffer.from([firstLine, ...lines, '', body].join('\r\n'), 'latin1');
}

const get = (target: string, changes?: Lines) => requestOf(`GET ${target} HTTP/1.1`, changes);

@WebSocketGateway()
class Root {}

@WebSocketGateway({ path: '/admin' })
class Admin {}

@Controller()
class Pages {
  @Get('/page')
  page(@Headers('upgrade') upgrade: unknown, @Headers('connection') connection: unknown) {
    return `page ${String(upgrade)} ${String(connection)}`;
  }

  @Get('/slow')
  async slow() {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return 'slowly';
  }

  @Post('/said')
  said(@Body() body: unknown) {
    return body;
  }
}

let lastKey = 0;

describe('the doors', () => {
  const track = closeAfterEach();
  guardProcess();

  const backplane = (options: RedisBackplaneOptions = {}) =>
    RedisBackplaneModule.forRoot({
      redis: 'memory',
      eventKeys: [`doors-${++lastKey}`],
      ...options,
    });

  const boot = async (parts: Omit<BootOptions, 'imports'>, options: RedisBackplaneOptions = {}) =>
    track(await bootApp({ ...parts, imports: [backplane(options)] }));

  async function send(port: number, request: Buffer) {
    const client = track(await RawWsClient.dial(port));
    client.write(request);
    return client;
  }

  /** The first line of the answer. */
  async function statusOf(port: number, request: Buffer): Promise<string> {
    const client = await send(port, request);
    await waitFor('an answer', () => client.text.includes('\r\n\r\n') || client.isClosed);
    return client.text.split('\r\n', 1)[0]!;
  }

  const SWITCHED = 'HTTP/1.1 101 Switching Protocols';
  const NOT_FOUND = 'HTTP/1.1 404 Not Found';
  const BAD = 'HTTP/1.1 400 Bad Request';

  describe('of a handshake', () => {
    const refused: [string, Buffer, string][] = [
      ['POST', requestOf('POST / HTTP/1.1'), 'HTTP/1.1 405 Method Not Allowed'],
      ['HEAD', requestOf('HEAD / HTTP/1.1'), 'HTTP/1.1 405 Method Not Allowed'],
      ['no key', get('/', { 'Sec-WebSocket-Key': undefined }), BAD],
      ['an empty key', get('/', { 'Sec-WebSocket-Key': '' }), BAD],
      ['a short key', get('/', { 'Sec-WebSocket-Key': 'short' }), BAD],
      [
        'two keys',
        get('/', {
          'Sec-WebSocket-Key': [UPGRADE['Sec-WebSocket-Key'], 'BAAAAAAAAAAAAAAAAAAAAA=='],
        }),
        BAD,
      ],
      ['no version', get('/', { 'Sec-WebSocket-Version': undefined }), `${BAD}; 13, 8`],
      ['another version', get('/', { 'Sec-WebSocket-Version': '99' }), `${BAD}; 13, 8`],
      ['two versions', get('/', { 'Sec-WebSocket-Version': ['13', '13'] }), `${BAD}; 13, 8`],
      ['two Upgrades', get('/', { Upgrade: ['websocket', 'websocket'] }), BAD],
      ['a list in Upgrade', get('/', { Upgrade: 'h2c, websocket' }), BAD],
      ['a bad protocol', get('/', { 'Sec-WebSocket-Protocol': 'a,,b' }), BAD],
      ['a protocol twice', get('/', { 'Sec-WebSocket-Protocol': ['a', 'a'] }), BAD],
      ['an empty protocol', get('/', { 'Sec-WebSocket-Protocol': '' }), BAD],
    ];

    it.each(refused)('with %s: refused, and nobody is asked', async (_, request, answer) => {
      let asked = 0;
      const authenticate = () => {
        asked++;
        return null;
      };
      const app = await boot({ providers: [Root] }, { authenticate });
      const client = await send(app.port, request);
      await client.closeCode();
      const [status = ''] = client.text.split('\r\n', 1);
      const versions = /\r\nSec-WebSocket-Version: (.*)\r\n/.exec(client.text)?.[1];
      expect(versions ? `${status}; ${versions}` : status).toBe(answer);
      expect(client.text).toMatch(/\r\nConnection: close\r\n/);
      expect(asked).toBe(0);
      expect(app.log.matching(/^(WARN|ERROR)/)).toEqual([]);
    });

    it.each<[string, Buffer]>([
      ['version 8', get('/', { 'Sec-WebSocket-Version': '8' })],
      ['other words in Connection', get('/', { Connection: 'keep-alive, UPGRADE' })],
      ['another case', get('/', { Upgrade: 'WebSocket' })],
      ['HTTP/1.0', requestOf('GET / HTTP/1.0')],
    ])('with %s: accepted', async (_, request) => {
      const app = await boot({ providers: [Root] }, { authenticate: () => ({ id: 'ann' }) });
      expect(await statusOf(app.port, request)).toBe(SWITCHED);
    });

    it('asks the authenticator, then the verifyClient of the gateway, be it async or not', async () => {
      const asked: string[] = [];
      const authenticate = () => {
        asked.push('authenticate');
        return null;
      };
      const verifying = (name: string, verifyClient: unknown) => {
        @WebSocketGateway({ path: name, verifyClient } as object)
        class Verifying {}
        return Verifying;
      };
      const app = await boot(
        {
          providers: [
            verifying('/sync', () => asked.push('verify') === 0),
            verifying('/async', async () => false),
            verifying('/open', (_info: unknown, done: (ok: boolean) => void) => done(true)),
            verifying('/closed', (_info: unknown, done: (ok: boolean, code: number) => void) =>
              done(false, 403),
            ),
            verifying('/broken', () => {
              throw new Error('broken');
            }),
          ],
        },
        { authenticate },
      );
      expect(await statusOf(app.port, get('/sync'))).toBe('HTTP/1.1 401 Unauthorized');
      expect(asked).toEqual(['authenticate', 'verify']);
      expect(await statusOf(app.port, get('/async'))).toBe('HTTP/1.1 401 Unauthorized');
      expect(await statusOf(app.port, get('/open'))).toBe(SWITCHED);
      expect(await statusOf(app.port, get('/closed'))).toBe('HTTP/1.1 403 Forbidden');
      expect(await statusOf(app.port, get('/broken'))).toBe('HTTP/1.1 500 Internal Server Error');
    });

    it.each<[string, (client: RawWsClient) => void]>([
      ['resets', (client) => client.reset()],
      ['hangs up', (client) => client.socket.destroy()],
      ['says no more', (client) => client.socket.end()],
    ])('of a client that %s while the authenticator runs: forgotten', async (how, leave) => {
      const gate = new Gate<null>();
      const asked: IncomingMessage[] = [];
      const authenticate = (request: IncomingMessage) => {
        asked.push(request);
        return gate.opened;
      };
      const app = await boot({ providers: [Root] }, { authenticate });
      const client = await send(app.port, get('/'));
      await waitFor('the question', () => asked.length === 1);
      leave(client);
      if (how === 'resets') await waitFor('the end', () => asked[0]!.socket.destroyed);
      gate.open(null);
      await client.closed;
      await waitFor('the server to see it', () => asked[0]!.socket.destroyed);
      expect(app.log.matching(/^(WARN|ERROR)/)).toEqual([]);
    });

    it('of a client whose connection breaks while the authenticator runs: forgotten', async () => {
      const gate = new Gate<null>();
      const asked: IncomingMessage[] = [];
      const authenticate = (request: IncomingMessage) => {
        asked.push(request);
        return gate.opened;
      };
      const app = await boot({ providers: [Root] }, { authenticate });
      await send(app.port, get('/'));
      await waitFor('the question', () => asked.length === 1);
      asked[0]!.socket.destroy(new Error('broken'));
      gate.open(null);
      expect(await statusOf(app.port, get('/'))).toBe(SWITCHED);
      expect(app.log.matching(/^(WARN|ERROR)/)).toEqual([]);
    });
  });

  describe('to a path', () => {
    it.each([
      '//x/admin',
      '//admin',
      '/\\x/admin',
      '\\admin',
      '/public/%2e%2e/admin',
      '/public/../admin',
      '/./admin',
      '/%2e/admin',
      '/admin/.',
      '/admin/',
      '/admin//',
      '/admin%2f',
      '/admin%2F',
      '/%2fadmin',
      '/admin%5c',
      '/admin;x',
      '/admin%3Fa=1',
      '/admin%23',
      '/admin#x',
      '/admin%00',
      '/admin%20',
      '/admin%0a',
      '/ADMIN',
      '/%41dmin',
      '/%2561dmin',
      '/adm%E2%80%8Bin',
      'http://localhost/admin',
      'http://x/admin',
      'admin',
      '*',
      '/admin%',
      '/admin%zz',
      '/%c3%28',
      '/admin%ff',
      '/admin\xff',
    ])('%s reaches /admin never', async (target) => {
      let asked = 0;
      const authenticate = () => {
        asked++;
        return null;
      };
      const app = await boot({ providers: [Admin] }, { authenticate });
      expect(await statusOf(app.port, get(target))).toMatch(/^HTTP\/1\.1 40[04] /);
      expect(asked).toBe(0);
      expect(app.log.matching(/^(WARN|ERROR)/)).toEqual([]);
    });

    it.each(['/admin%', '/%c3%28', 'http://x/admin'])('%s is none: 400', async (target) => {
      const app = await boot({ providers: [Root, Admin] });
      expect(await statusOf(app.port, get(target))).toBe(BAD);
    });

    it.each(['//x/admin', '/public/%2e%2e/admin', '/admin/'])(
      '%s is another: 404',
      async (path) => {
        const app = await boot({ providers: [Root, Admin] });
        expect(await statusOf(app.port, get(path))).toBe(NOT_FOUND);
      },
    );

    const same: [string, string, string[]][] = [
      ['plain', '/admin', ['/admin', '/admin?', '/admin?a=/../b', '/%61dmin', '/adm%69n?x#y']],
      ['without a slash', 'admin', ['/admin']],
      ['with slashes too many', '//admin//', ['/admin']],
      ['of several segments', 'a/b', ['/a/b', '/a/%62']],
      ['with a space', '/a b', ['/a%20b']],
      ['with an encoded space', '/a%20b', ['/a%20b']],
      ['with a plus', '/a+b', ['/a+b', '/a%2Bb']],
      ['not of ASCII', '/чат', ['/%D1%87%D0%B0%D1%82', '/%d1%87%d0%b0%d1%82']],
      ['encoded, not of ASCII', '/%D1%87%D0%B0%D1%82', ['/%D1%87%D0%B0%D1%82']],
      ['with an emoji', '/🚪', ['/%F0%9F%9A%AA']],
      ['with a percent sign', '/100%', ['/100%25']],
      [
        'with what parts others',
        "/a:b;c=d,e@f!$&'()*~",
        ["/a:b;c=d,e@f!$&'()*~", '/a%3Ab;c=d,e@f!$&%27()*~'],
      ],
      ['with dots', '/v1.2', ['/v1.2', '/v1%2E2']],
      ['of none', '', ['/', '/?a=1']],
    ];

    it.each(same)('%s (%s) is reached by its own forms', async (_, path, targets) => {
      @WebSocketGateway({ path })
      class Gateway {}
      const app = await boot({ providers: [Gateway] });
      for (const target of targets) expect(await statusOf(app.port, get(target))).toBe(SWITCHED);
    });

    it('an encoded slash parts no segments', async () => {
      @WebSocketGateway({ path: '/a/b' })
      class Deep {}
      @WebSocketGateway({ path: '/c%2Fd' })
      class Flat {}
      const app = await boot({ providers: [Deep, Flat] });
      expect(await statusOf(app.port, get('/a/b'))).toBe(SWITCHED);
      expect(await statusOf(app.port, get('/a%2Fb'))).toBe(NOT_FOUND);
      expect(await statusOf(app.port, get('/c%2fd'))).toBe(SWITCHED);
      expect(await statusOf(app.port, get('/c/d'))).toBe(NOT_FOUND);
    });

    it('gateways that write one path in two ways share it', async () => {
      const seen: string[] = [];
      const seeing = (path: string) => {
        @WebSocketGateway({ path })
        class Seeing {
          handleConnection() {
            seen.push(path);
          }
        }
        return Seeing;
      };
      const app = await boot({ providers: [seeing('/a b'), seeing('a%20b/')] });
      await track(await WsClient.connect(app.url('/a%20b'))).close();
      await waitFor('both', () => seen.length === 2);
      expect(seen.sort()).toEqual(['/a b', 'a%20b/']);
    });

    it('does not matter on a port of its own without one', async () => {
      const port = await freePort();
      @WebSocketGateway(port)
      class Own {}
      @WebSocketGateway(port, { path: '/admin' })
      class OwnAdmin {}
      await boot({ providers: [Own, OwnAdmin] });
      for (const target of ['/any/%2e%2e/where', '//x', '/100%'])
        expect(await statusOf(port, get(target))).toBe(SWITCHED);
    });
  });

  describe.each(HTTP_KINDS)('to something else than a WebSocket, on %s,', (http) => {
    const h2c = {
      Connection: 'Upgrade, HTTP2-Settings',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'AAMAAABkAAQAAP__',
    };

    it("lead to the app's pages, with what the client sent", async () => {
      const app = await boot({ http, providers: [Root], controllers: [Pages] });
      const client = await send(app.port, get('/page', h2c));
      await waitFor('the page', () => client.text.includes('page h2c HTTP2-Settings'));
      expect(client.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    });

    it.each<[string, Lines]>([
      ['TLS/1.0', { Connection: 'upgrade', Upgrade: 'TLS/1.0' }],
      ['a list', { Connection: ['keep-alive', 'Upgrade'], Upgrade: ['h2c', 'foo/2'] }],
    ])('(%s) too', async (_, changes) => {
      const app = await boot({ http, providers: [Root], controllers: [Pages] });
      expect(await statusOf(app.port, get('/page', changes))).toBe('HTTP/1.1 200 OK');
      expect(await statusOf(app.port, get('/none', changes))).toBe(NOT_FOUND);
    });

    it('with a body, of a length or in chunks, in pieces', async () => {
      const app = await boot({ http, providers: [Root], controllers: [Pages] });
      const json = JSON.stringify({ said: 'x'.repeat(50_000) });
      const typed = { ...h2c, 'Content-Type': 'application/json' };
      const sized = requestOf(
        'POST /said HTTP/1.1',
        { ...typed, 'Content-Length': String(json.length) },
        json,
      );
      const chunk = `${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`;
      const chunked = requestOf(
        'POST /said HTTP/1.1',
        { ...typed, 'Transfer-Encoding': 'chunked' },
        chunk,
      );
      for (const request of [sized, chunked]) {
        const client = await send(app.port, request.subarray(0, 300));
        for (let at = 300; at < request.length; at += 20_000) {
          await new Promise((resolve) => setImmediate(resolve));
          client.write(request.subarray(at, at + 20_000));
        }
        await waitFor('the answer', () => client.text.includes(json));
        expect(client.text).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
      }
    });

    it('on a connection that goes on: more requests, then a WebSocket', async () => {
      const app = await boot({ http, providers: [Root], controllers: [Pages] });
      const client = await send(app.port, get('/page', h2c));
      const answers = () => client.text.split('HTTP/1.1 ').length - 1;
      await waitFor('the first', () => answers() === 1 && client.text.includes('page h2c'));
      client.write(Buffer.concat([get('/page', h2c), get('/page', { Connection: 'keep-alive' })]));
      await waitFor('three', () => answers() === 3 && client.text.includes('page websocket'));
      client.write(get('/'));
      await waitFor('the upgrade', () => client.text.includes(SWITCHED));
      expect(app.log.matching(/^(WARN|ERROR)/)).toEqual([]);
    });

    it('are answered after what was asked before them', async () => {
      const app = await boot({ http, providers: [Root], controllers: [Pages] });
      const slow = get('/slow', { Connection: 'keep-alive' });
      const client = await send(app.port, Buffer.concat([slow, slow, get('/page', h2c), slow]));
      await waitFor('all', () => client.text.split('slowly').length === 4);
      expect(client.text.match(/slowly|page h2c/g)).toEqual([
        'slowly',
        'slowly',
        'page h2c',
        'slowly',
      ]);
    });

    it('are left to whoever else listens for upgrades', async () => {
      const app = await boot({ http, providers: [Root], controllers: [Pages] });
      app.app
        .getHttpServer()
        .on('upgrade', (request: IncomingMessage, socket: { end(s: string): void }) => {
          if (request.headers.upgrade === 'h2c') socket.end('HTTP/1.1 200 Mine\r\n\r\n');
        });
      expect(await statusOf(app.port, get('/page', h2c))).toBe('HTTP/1.1 200 Mine');
      expect(await statusOf(app.port, get('/'))).toBe(SWITCHED);
    });
  });

  it('to something else end with a client that leaves at once', async () => {
    const app = await boot({ providers: [Root], controllers: [Pages] });
    for (let i = 0; i < 20; i++) {
      const client = await send(app.port, get('/page', { Upgrade: 'h2c' }));
      if (i % 2) client.reset();
      else client.socket.destroy();
      await client.closed;
    }
    expect(await statusOf(app.port, get('/page', { Upgrade: 'h2c' }))).toBe('HTTP/1.1 200 OK');
    expect(app.log.matching(/^(WARN|ERROR)/)).toEqual([]);
  });

  it('of a port of its own lead to no page', async () => {
    const port = await freePort();
    @WebSocketGateway(port)
    class Own {}
    await boot({ providers: [Own] });
    expect(await statusOf(port, get('/', { Upgrade: 'h2c' }))).toBe(
      'HTTP/1.1 426 Upgrade Required',
    );
  });

  describe('of a server of the app', () => {
    const servers: { close(): unknown; closeAllConnections(): void }[] = [];
    afterEach(() => {
      for (const server of servers.splice(0)) {
        server.close();
        server.closeAllConnections();
      }
    });

    const page: RequestListener = (request, response) =>
      response.end(`${request.method} ${request.url} ${request.headers.upgrade}`);

    it('are the same, also with TLS', async () => {
      const tls = {
        key: readFileSync(new URL('../support/tls/key.pem', import.meta.url)),
        cert: readFileSync(new URL('../support/tls/cert.pem', import.meta.url)),
      };
      for (const [httpServer, dial] of [
        [createServer(page), (port: number) => connectTcp(port, '127.0.0.1')],
        [
          createSecureServer(tls, page),
          (port: number) => connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }),
        ],
      ] as const) {
        servers.push(httpServer);
        await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
        await boot({
          providers: [Admin],
          adapter: (app) => new RedisBackplaneAdapter(app, { httpServer }),
        });
        const { port } = httpServer.address() as AddressInfo;
        for (const [request, answer] of [
          [get('/x', { Upgrade: 'h2c' }), 'GET /x h2c'],
          [get('/admin'), SWITCHED],
          [get('//x/admin'), NOT_FOUND],
        ] as const) {
          const socket = dial(port);
          let text = '';
          socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
          socket.write(request);
          await waitFor('the answer', () => text.includes(answer));
          socket.destroy();
        }
      }
    });
  });
});
