import 'reflect-metadata';
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
  type OnContinuityLost,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';
import { waitFor } from '../../support/wait-for.js';
import { HUB } from './names.js';
import type { InstanceOptions, Order, Report } from './protocol.js';
import { Writer } from './writer.js';

const REPORT_MS = 50;

@WebSocketGateway({ path: HUB })
class RoomGateway implements OnContinuityLost {
  @WebSocketServer() readonly server!: BackplaneServer;

  #statusChanges = 0;

  constructor(private readonly backplane: Backplane) {
    backplane.on('status', () => this.#statusChanges++);
  }

  /** Answers whether the instance was in touch with the others all the while. */
  @SubscribeMessage('join')
  async join(@ConnectedSocket() client: BackplaneSocket, @MessageBody() room: string) {
    const changes = this.#statusChanges;
    await client.join(room);
    return this.backplane.status === 'ready' && changes === this.#statusChanges;
  }

  @SubscribeMessage('leave')
  async leave(@ConnectedSocket() client: BackplaneSocket, @MessageBody() room: string) {
    await client.leave(room);
    return true;
  }

  onContinuityLost(client: BackplaneSocket | undefined, room: string, reason: string): void {
    const told = client ?? this.server.local.to(room);
    told.emit('lost', { room, reason });
  }
}

@Module({})
class InstanceModule {
  static of({ backplane }: InstanceOptions): DynamicModule {
    return {
      module: InstanceModule,
      imports: [RedisBackplaneModule.forRoot(backplane)],
      providers: [RoomGateway],
    };
  }
}

const options = JSON.parse(process.env.INSTANCE!) as InstanceOptions;
const tell = (report: Report): void => void process.send!(report);

const app = await NestFactory.create(InstanceModule.of(options), { logger: false });
await app.listen(0, '127.0.0.1');
const backplane = app.get(Backplane);
const gateway = app.get(RoomGateway);
const writer = new Writer(options.name, gateway.server, options.writer);

setInterval(tellAcknowledgements, REPORT_MS);

function tellAcknowledgements(): void {
  const acknowledgements = writer.takeAcknowledgements();
  if (acknowledgements.length > 0) tell({ report: 'acknowledged', acknowledgements });
}

async function finish(): Promise<void> {
  await writer.stop();
  await waitFor('the outbox to be empty', () => backplane.stats().outbox === 0, 30_000);
  tellAcknowledgements();
  const { emitted, refused } = writer;
  tell({ report: 'finished', emitted, refused, stats: backplane.stats() });
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

process.on('message', (order: Order) => {
  if (order.order === 'write') writer.start();
  else if (order.order === 'block') block(order.ms);
  else if (order.order === 'burst') writer.burst(order.messages);
  else void finish();
});
process.on('disconnect', () => process.exit());
const { port } = app.getHttpServer().address() as AddressInfo;
tell({ report: 'listening', port });
