import 'reflect-metadata';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import {
  Backplane,
  BackplaneServer,
  BackplaneSocket,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';
import { WebSocket } from 'ws';
import type { Interruption } from '../verdict/records.js';
import { LagWatch } from './lag-watch.js';
import { LiveWriter } from './live-writer.js';
import {
  HUB,
  type LiveCounted,
  type LiveInstanceOptions,
  type LiveMessage,
  type LiveOrder,
  type LiveReport,
  MARK_EVENT,
} from './protocol.js';

const REPORT_MS = 50;
const MARK = 'mark';
const ROOMS_A_JOIN = 1_000;

@WebSocketGateway({ path: HUB })
class LiveGateway {
  @WebSocketServer() readonly server!: BackplaneServer;

  @SubscribeMessage('hello')
  hello(@ConnectedSocket() client: BackplaneSocket) {
    return client.id;
  }

  @SubscribeMessage('join')
  async join(@ConnectedSocket() client: BackplaneSocket, @MessageBody() rooms: string[]) {
    await client.join(rooms);
    return true;
  }

  @SubscribeMessage('leave')
  async leave(@ConnectedSocket() client: BackplaneSocket, @MessageBody() rooms: string[]) {
    await client.leave(rooms);
    return true;
  }
}

@Module({})
class LiveModule {
  static of({ backplane }: LiveInstanceOptions): DynamicModule {
    const authenticate = ({ url = '' }: { url?: string | undefined }) => {
      return { id: new URL(url, 'http://any').searchParams.get('user')! };
    };
    return {
      module: LiveModule,
      imports: [
        RedisBackplaneModule.forRoot({ ...backplane, authenticate, limits: { rooms: false } }),
      ],
      providers: [LiveGateway],
    };
  }
}

const options = JSON.parse(process.env.INSTANCE!) as LiveInstanceOptions;
const tell = (report: LiveReport): void => void process.send?.(report);

const app = await NestFactory.create(LiveModule.of(options), { logger: false });
const backplane = app.get(Backplane);
const interruptions: Interruption[] = [];
backplane.on('interrupted', ({ instance, lost, forMs }) =>
  interruptions.push({ instance, lost, forMs, at: Date.now() }),
);
await app.listen(0, '127.0.0.1');
const { server } = app.get(LiveGateway);
// What its clients have by then, comes before it.
server.onServerEvent(MARK, (data) => {
  const message = data as LiveMessage;
  server.local.to(message.t.slice('room:'.length)).emit(MARK_EVENT, message);
});
const writer = new LiveWriter(options.name, server, options.writer);
const lags = new LagWatch(() => backplane.stats().waiting > 0);

setInterval(tellDone, REPORT_MS);

function tellDone(): void {
  const [sent, settled] = [writer.takeSent(), writer.takeSettled()];
  const done = { sent, settled, lags: lags.take(), interruptions: interruptions.splice(0) };
  if (Object.values(done).some((list) => list.length > 0)) tell({ report: 'done', ...done });
}

function counted(): LiveCounted {
  const { unsent, lostBroadcasts, resent, recovered, repeated } = backplane.stats();
  return { unsent, lostBroadcasts, resent, recovered, repeated };
}

async function finish(): Promise<void> {
  await writer.stop();
  tellDone();
  tell({ report: 'finished' });
}

async function close(): Promise<void> {
  await writer.stop();
  tellDone();
  await app.close();
  tellDone();
  process.send?.({ report: 'closed', counted: counted() } satisfies LiveReport, () =>
    process.exit(),
  );
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function mark(room: string): void {
  const message = writer.emit(`room:${room}`, { hasServerEvent: true });
  server.serverSideEmit(MARK, message);
}

/** Resolves when a client is in so many rooms that nobody writes to. */
async function crowd(port: number, rooms: number): Promise<void> {
  const client = new WebSocket(`ws://127.0.0.1:${port}${HUB}?user=crowd`);
  await once(client, 'open');
  const answered = new Promise<void>((resolve, reject) => {
    let missing = Math.ceil(rooms / ROOMS_A_JOIN);
    client.on('message', (text) => {
      const answer = JSON.parse(String(text)) as { id?: number; data?: unknown };
      if (answer.id === undefined) return;
      if (answer.data !== true) reject(new Error(`The crowd did not join: ${String(text)}`));
      else if (--missing === 0) resolve();
    });
  });
  for (let from = 0; from < rooms; from += ROOMS_A_JOIN) {
    const names = Array.from({ length: Math.min(ROOMS_A_JOIN, rooms - from) }, (_, i) => from + i);
    const data = names.map((i) => `crowded ${i}`);
    client.send(JSON.stringify({ event: 'join', data, id: from }));
  }
  await answered;
}

process.on('message', (order: LiveOrder) => {
  if (order.order === 'write') writer.start();
  else if (order.order === 'block') block(order.ms);
  else if (order.order === 'burst') writer.burst(order.target, order.messages);
  else if (order.order === 'kick') writer.kick(order.room);
  else if (order.order === 'mark') mark(order.room);
  else if (order.order === 'connections') writer.know(order.ids);
  else if (order.order === 'count') tell({ report: 'counted', counted: counted() });
  else if (order.order === 'finish') void finish();
  else void close();
});
process.on('disconnect', () => process.exit());
// One that takes another's place may come while Redis is away.
if (options.isFirst) await backplane.ready();
const { port } = app.getHttpServer().address() as AddressInfo;
if (options.crowdedRooms > 0) {
  const joined = crowd(port, options.crowdedRooms);
  if (options.isFirst) await joined;
}
tell({ report: 'listening', port });
