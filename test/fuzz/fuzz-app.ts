import type { LoggerService } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import {
  Backplane,
  BackplaneServer,
  BackplaneSocket,
  RedisBackplaneModule,
  type RedisBackplaneModuleOptions,
} from 'nestjs-redis-backplane';
import { of } from 'rxjs';
import { withDeadline } from '../support/deadline.js';
import { type BootedApp, bootApp } from '../support/nest-app.js';

/** Does with what a client sends whatever an app may do. */
@WebSocketGateway({ path: '/chat' })
export class FuzzGateway {
  @WebSocketServer() readonly server!: BackplaneServer;

  @SubscribeMessage('mark')
  mark(@MessageBody() data: unknown) {
    return data;
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return { event: 'echo', data };
  }

  @SubscribeMessage('stream')
  stream(@MessageBody() data: unknown) {
    return of(data, data);
  }

  @SubscribeMessage('give')
  give(@MessageBody() data: unknown, @ConnectedSocket() client: BackplaneSocket) {
    client.emit('given', data);
  }

  @SubscribeMessage('tell')
  tell(@MessageBody() data: unknown) {
    this.server.to('r').emit('told', data);
  }

  @SubscribeMessage('log')
  async log(@MessageBody() data: unknown) {
    return this.server.to('logged').publish('logged', data);
  }

  @SubscribeMessage('past')
  async past() {
    return this.server.history('logged', { limit: 3 });
  }

  @SubscribeMessage('keep')
  async keep(@MessageBody() data: unknown, @ConnectedSocket() client: BackplaneSocket) {
    client.data.kept = data;
    const sockets = await this.server.timeout(200).fetchSockets();
    return sockets.map((socket) => socket.data as unknown);
  }

  @SubscribeMessage('poll')
  async poll(@MessageBody() data: unknown) {
    return this.server.timeout(20).emitWithAck('q', data);
  }

  @SubscribeMessage('ask')
  async ask(@MessageBody() data: unknown, @ConnectedSocket() client: BackplaneSocket) {
    return client.request('q', data, { timeoutMs: 20 });
  }

  @SubscribeMessage('fail')
  fail(@MessageBody() data: object) {
    throw new WsException(data);
  }

  @SubscribeMessage('throw')
  throw(@MessageBody() data: unknown) {
    throw data as Error;
  }

  @SubscribeMessage('join')
  async join(@MessageBody() rooms: string[], @ConnectedSocket() client: BackplaneSocket) {
    await client.join(rooms);
    await client.leave(rooms);
  }
}

/**
 * Counts the backplane's own warnings and errors, and keeps none: what is kept would look like a
 * leak.
 */
export class LineCounter implements LoggerService {
  lines = 0;
  /** Errors that the last guard caught: each is a fault of the backplane's. */
  faults = 0;
  log(): void {}
  debug(): void {}
  verbose(): void {}
  error(...parts: unknown[]): void {
    if (/^(Redis)?Backplane/.test(String(parts.at(-1)))) this.lines++;
    if (/could not be (handled|read)/.test(String(parts[0]))) this.faults++;
  }
  warn(...parts: unknown[]): void {
    this.error(...parts);
  }
  fatal(...parts: unknown[]): void {
    this.error(...parts);
  }
}

/** A process that was hit does not close well, and what is wrong is known by then. */
const CLOSE_TIMEOUT_MS = 10_000;

/** Closes all of them, or gives up. */
export async function closeAll(parts: readonly { close(): Promise<unknown> }[]): Promise<void> {
  const closed = Promise.allSettled(parts.map((part) => part.close()));
  await withDeadline(closed, 'everything to close', CLOSE_TIMEOUT_MS).catch(() => {});
}

export interface FuzzApp {
  readonly booted: BootedApp;
  readonly backplane: Backplane;
  readonly server: BackplaneServer;
}

export async function bootFuzzApp(
  options: RedisBackplaneModuleOptions,
  log: LineCounter,
): Promise<FuzzApp> {
  const module = RedisBackplaneModule.forRoot({
    history: [{ rooms: 'logged', size: 5, ttlMs: 60_000 }],
    ...options,
  });
  const booted = await bootApp({
    imports: [module],
    providers: [FuzzGateway],
    log: log as never,
  });
  const backplane = booted.app.get(Backplane);
  await backplane.ready();
  return { booted, backplane, server: booted.app.get(FuzzGateway).server };
}
