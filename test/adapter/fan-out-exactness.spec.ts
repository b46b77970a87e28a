import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocketGateway, WebSocketServer as InjectServer } from '@nestjs/websockets';
import * as fc from 'fast-check';
import {
  type BackplaneServer,
  type BackplaneSocket,
  RedisBackplaneAdapter,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';
import { WebSocket, WebSocketServer } from 'ws';

import { bootApp, type BootedApp, HTTP_KINDS, type HttpKind } from '../support/nest-app.js';

const CLIENTS = 3;
const ROOMS = ['a', 'b'];
const RUNS = 20;

type Room = 'a' | 'b';
type Op =
  | {
      kind:
        'all' | 'local' | 'others' | 'direct' | 'text' | 'binary' | 'ping' | 'fragments' | 'answer';
      client: number;
      size: number;
    }
  | {
      kind: 'room' | 'exceptRoom' | 'join' | 'leave' | 'rawRoom';
      client: number;
      room: Room;
      size: number;
    }
  | { kind: 'rooms'; client: number; size: number }
  | { kind: 'microtask' }
  | { kind: 'turn' };

const size = fc.oneof(
  { weight: 8, arbitrary: fc.nat(300) },
  { weight: 2, arbitrary: fc.constantFrom(0, 125, 126, 20_000, 65_535, 65_536) },
  { weight: 1, arbitrary: fc.constant(300_000) },
);
const client = fc.nat(CLIENTS - 1);
const room = fc.constantFrom<Room>('a', 'b');
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'all',
        'local',
        'others',
        'direct',
        'text',
        'binary',
        'ping',
        'fragments',
        'answer',
      ),
      client,
      size,
    }) as fc.Arbitrary<Op>,
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('room', 'room', 'room', 'exceptRoom', 'join', 'leave', 'rawRoom'),
      client,
      room,
      size,
    }) as fc.Arbitrary<Op>,
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('rooms'), client, size }) as fc.Arbitrary<Op>,
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('microtask', 'turn') }) as fc.Arbitrary<Op>,
  },
);

/** Everything that a client reads, in order: texts, binaries, the close code. */
type Reading = string[];

@WebSocketGateway({ path: '/x' })
class Gateway {
  @InjectServer() server!: BackplaneServer;
}

const event = (n: number, bytes: number): string =>
  JSON.stringify({ event: 'e', data: `${n}:${'x'.repeat(bytes)}` });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function read(url: string, deflate: boolean): { socket: WebSocket; reading: Promise<Reading> } {
  const socket = new WebSocket(url, { perMessageDeflate: deflate, rejectUnauthorized: false });
  const reading: Reading = [];
  socket.on('message', (data: Buffer, binary) =>
    reading.push(`${binary ? 'B' : 'T'}${data.toString('latin1')}`),
  );
  const closed = new Promise<Reading>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', (code) => resolve([...reading, `close ${code}`]));
  });
  return { socket, reading: closed };
}

/** Plays the sequence through the backplane. */
async function playOurs(
  server: BackplaneServer,
  clients: BackplaneSocket[],
  ops: readonly Op[],
): Promise<void> {
  for (const [n, step] of ops.entries()) {
    if (step.kind === 'turn') await turn();
    else if (step.kind === 'microtask') await Promise.resolve();
    else playOne(server, clients, n, step);
  }
  for (const one of clients) one.close(4000);
}

function playOne(
  server: BackplaneServer,
  clients: BackplaneSocket[],
  n: number,
  step: Exclude<Op, { kind: 'turn' | 'microtask' }>,
): void {
  const one = clients[step.client]!;
  const data = `${n}:${'x'.repeat(step.size)}`;
  switch (step.kind) {
    case 'all':
      return server.emit('e', data);
    case 'local':
      return server.local.emit('e', data);
    case 'others':
      return one.broadcast.emit('e', data);
    case 'direct':
      return one.emit('e', data);
    case 'answer':
      return one.writeText(event(n, step.size));
    case 'text':
      return one.send(event(n, step.size));
    case 'binary':
      return one.send(Buffer.from(data));
    case 'ping':
      return one.ping();
    case 'fragments':
      one.send(event(n, step.size), { fin: false });
      server.emit('e', `mid ${n}`);
      return one.send('end', { fin: true });
    case 'room':
      return server.to(step.room).emit('e', data);
    case 'rooms':
      return server.to(ROOMS).emit('e', data);
    case 'rawRoom':
      return server.to(step.room).send(Buffer.from(data));
    case 'exceptRoom':
      return server.except(step.room).emit('e', data);
    case 'join':
      return void one.join(step.room);
    case 'leave':
      return void one.leave(step.room);
  }
}

/** Plays the sequence with plain `ws.send` to each. */
async function playPlain(clients: WebSocket[], ops: readonly Op[]): Promise<void> {
  const rooms = clients.map(() => new Set<string>());
  const each = (payload: string | Buffer, meant: (index: number) => boolean): void =>
    clients.forEach((socket, index) => meant(index) && socket.send(payload));
  for (const [n, step] of ops.entries()) {
    if (step.kind === 'turn') {
      await turn();
      continue;
    }
    if (step.kind === 'microtask') {
      await Promise.resolve();
      continue;
    }
    const one = clients[step.client]!;
    const text = event(n, step.size);
    const bytes = Buffer.from(`${n}:${'x'.repeat(step.size)}`);
    switch (step.kind) {
      case 'all':
      case 'local':
        each(text, () => true);
        break;
      case 'others':
        each(text, (index) => index !== step.client);
        break;
      case 'direct':
      case 'answer':
      case 'text':
        one.send(text);
        break;
      case 'binary':
        one.send(bytes);
        break;
      case 'ping':
        one.ping();
        break;
      case 'fragments':
        one.send(text, { fin: false });
        one.send('end', { fin: true });
        each(JSON.stringify({ event: 'e', data: `mid ${n}` }), () => true);
        break;
      case 'room':
        each(text, (index) => rooms[index]!.has(step.room));
        break;
      case 'rooms':
        each(text, (index) => rooms[index]!.size > 0);
        break;
      case 'rawRoom':
        each(bytes, (index) => rooms[index]!.has(step.room));
        break;
      case 'exceptRoom':
        each(text, (index) => !rooms[index]!.has(step.room));
        break;
      case 'join':
        rooms[step.client]!.add(step.room);
        break;
      case 'leave':
        rooms[step.client]!.delete(step.room);
        break;
    }
  }
  for (const one of clients) one.close(4000);
}

interface Setting {
  http: HttpKind;
  deflate: boolean;
  tls: boolean;
  coalesceMs: number;
}

const SETTINGS: Setting[] = HTTP_KINDS.flatMap((http) =>
  [false, true].flatMap((deflate) => [
    { http, deflate, tls: false, coalesceMs: 0 },
    ...(http === 'express'
      ? [
          { http, deflate, tls: true, coalesceMs: 0 },
          { http, deflate, tls: false, coalesceMs: 3 },
        ]
      : []),
  ]),
);

const pem = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`../support/tls/${name}.pem`, import.meta.url)));

describe.each(SETTINGS)(
  'what clients read: $http, deflate $deflate, TLS $tls, coalesceMs $coalesceMs',
  ({ http, deflate, tls, coalesceMs }) => {
    let app: BootedApp;
    let ownServer: Server | undefined;
    let plainHttp: Server;
    let plain: WebSocketServer;
    let urls: { ours: string; plain: string };
    const makeServer = (): Server =>
      tls ? createTlsServer({ key: pem('key'), cert: pem('cert') }) : createServer();
    const perMessageDeflate = deflate && { threshold: 100 };

    beforeAll(async () => {
      ownServer = tls ? makeServer() : undefined;
      app = await bootApp({
        http,
        imports: [
          RedisBackplaneModule.forRoot({
            redis: 'memory',
            eventKeys: [`exact-${http}-${deflate}-${tls}-${coalesceMs}`],
            perMessageDeflate,
            coalesceMs,
            bufferLimitBytes: 2 ** 30,
          }),
        ],
        providers: [Gateway],
        ...(ownServer
          ? { adapter: (nest) => new RedisBackplaneAdapter(nest, { httpServer: ownServer! }) }
          : {}),
      });
      plainHttp = makeServer();
      const servers = [plainHttp, ...(ownServer ? [ownServer] : [])];
      await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
      plain = new WebSocketServer({ server: plainHttp, perMessageDeflate });
      const scheme = tls ? 'wss' : 'ws';
      const port = (server: Server): number => (server.address() as AddressInfo).port;
      urls = {
        ours: ownServer ? `${scheme}://127.0.0.1:${port(ownServer)}/x` : app.url('/x'),
        plain: `${scheme}://127.0.0.1:${port(plainHttp)}/`,
      };
    });

    afterAll(async () => {
      await app.close();
      ownServer?.close();
      plain.close();
      plainHttp.close();
    });

    it('is what plain ws.send would have sent, in the same order', async () => {
      const { server } = app.app.get(Gateway);
      await fc.assert(
        fc.asyncProperty(fc.array(op, { minLength: 1, maxLength: 60 }), async (ops) => {
          const ourClients: BackplaneSocket[] = [];
          const plainClients: WebSocket[] = [];
          const readings: Promise<Reading>[] = [];
          for (let i = 0; i < CLIENTS; i++) {
            const arrived = new Promise<void>((resolve) =>
              server.once('connection', (socket: BackplaneSocket) => {
                ourClients.push(socket);
                resolve();
              }),
            );
            readings.push(read(urls.ours, deflate).reading);
            await arrived;
            const connected = once(plain, 'connection');
            readings.push(read(urls.plain, deflate).reading);
            plainClients.push((await connected)[0] as WebSocket);
          }
          await playOurs(server, ourClients, ops);
          await playPlain(plainClients, ops);
          const all = await Promise.all(readings);
          for (let i = 0; i < CLIENTS; i++) expect(all[2 * i]).toEqual(all[2 * i + 1]);
        }),
        { numRuns: RUNS },
      );
    }, 60_000);
  },
);
