import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import {
  Controller,
  ForbiddenException,
  Get,
  type INestApplication,
  Module,
  UnauthorizedException,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { WebSocketGateway } from '@nestjs/websockets';
import {
  Backplane,
  type BackplaneUser,
  RedisBackplaneAdapter,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';
import { appModule } from './app.js';

// What the pages show that is no test: here so that it compiles.

abstract class Sessions {
  abstract ofCookie(cookie: string | undefined): Promise<BackplaneUser | null>;
  abstract ofTicket(ticket: string): Promise<BackplaneUser | null>;
}

@Module({})
class SessionsModule {}

const AppModule = appModule({ redis: 'memory' });

export const asked = () =>
  RedisBackplaneModule.forRootAsync({
    imports: [SessionsModule],
    inject: [Sessions],
    useFactory: (sessions: Sessions) => ({
      authenticate: async ({ headers, url = '/' }) => {
        if (headers.origin !== undefined && headers.origin !== 'https://app.example.org')
          throw new ForbiddenException();
        const ticket = new URL(url, 'ws://host').searchParams.get('ticket');
        const user =
          ticket === null
            ? await sessions.ofCookie(headers.cookie)
            : await sessions.ofTicket(ticket);
        if (!user) throw new UnauthorizedException();
        return user; // { id: '…', … }
      },
    }),
  });

@WebSocketGateway({
  path: '/chat',
  handleProtocols: (offered: Set<string>) => (offered.has('app') ? 'app' : false),
})
export class Chosen {}

export async function bootstrap(): Promise<void> {
  const app = await NestFactory.create(AppModule);
  app.enableShutdownHooks();
  await app.listen(3000);
}

export async function hybrid(): Promise<void> {
  const app = await NestFactory.create(AppModule);
  app.enableShutdownHooks();
  app.connectMicroservice<MicroserviceOptions>(
    { transport: Transport.TCP },
    { inheritAppConfig: true },
  );
  await app.startAllMicroservices();
  await app.listen(3000);
}

export function severalServers(
  app: INestApplication,
  httpServer: Server,
  httpsServer: SecureServer,
): void {
  app.useWebSocketAdapter(
    new RedisBackplaneAdapter(app, { httpServer: [httpServer, httpsServer] }),
  );
}

@Controller('health')
export class HealthController {
  constructor(private readonly backplane: Backplane) {}

  @Get()
  health() {
    return { status: 'ok', backplane: this.backplane.status }; // 200 while degraded, too
  }
}
