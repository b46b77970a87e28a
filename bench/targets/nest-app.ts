import type { AddressInfo } from 'node:net';

import { type DynamicModule, type INestApplication, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { type Broadcaster, idleGateway, workGateway } from './nest-gateway.js';
import type { ServerSettings } from '../common/target.js';

export interface NestTarget {
  readonly settings: ServerSettings;
  readonly gateway: object;
  readonly broadcaster: Broadcaster;
  readonly imports?: DynamicModule[];
  readonly prepare?: (app: INestApplication) => void;
}

/** Starts the app of a target on Nest; resolves with its port. */
export async function startNest(target: NestTarget): Promise<number> {
  const { settings, gateway, broadcaster, imports = [], prepare } = target;
  const provider: Type =
    settings.idleHandlers === undefined
      ? workGateway(gateway, broadcaster)
      : idleGateway(gateway, settings.idleHandlers);

  @Module({ imports, providers: [provider] })
  class BenchModule {}

  const app = await NestFactory.create(BenchModule, { logger: false, abortOnError: false });
  // Only now: why an app does not start is told to the runner, and is the runner's to say.
  app.useLogger(['error']);
  prepare?.(app);
  await app.listen(0, '127.0.0.1');
  return (app.getHttpServer().address() as AddressInfo).port;
}
