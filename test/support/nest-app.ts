import type { AddressInfo } from 'node:net';
import {
  type INestApplication,
  Module,
  type ModuleMetadata,
  type NestApplicationOptions,
  type WebSocketAdapter,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { LogCapture } from './log-capture.js';

/** The HTTP framework under the app. */
export type HttpKind = 'express' | 'fastify';

export const HTTP_KINDS: readonly HttpKind[] = ['express', 'fastify'];

export interface BootOptions extends ModuleMetadata {
  http?: HttpKind;
  /** Sets the WebSocket adapter explicitly; without it the app's modules must. */
  adapter?: (app: INestApplication) => WebSocketAdapter;
  /** Anything else between creation and start, such as `app.useGlobalGuards(…)`. */
  configure?: (app: INestApplication) => unknown;
  /** Where the log goes; a capture of the app's own when omitted. */
  log?: LogCapture;
  nest?: Omit<NestApplicationOptions, 'logger'>;
}

/** A running Nest app on a loopback port of its own. */
export class BootedApp {
  private closing: Promise<void> | undefined;

  constructor(
    readonly app: INestApplication,
    readonly log: LogCapture,
  ) {}

  get port(): number {
    return (this.app.getHttpServer().address() as AddressInfo).port;
  }

  /** The WebSocket address of a path of the app's HTTP server. */
  url(path = '/'): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  httpUrl(path = '/'): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Closes the app with all its hooks. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.app.close();
    return this.closing;
  }

  /** {@link close}, under the name that `closeAfterEach` calls. */
  dispose(): Promise<void> {
    return this.close();
  }
}

/**
 * Boots an app from the parts of one module, as a user's `main.ts` would, and listens. An app
 * that fails to start is closed before the error is passed on.
 */
export async function bootApp(options: BootOptions): Promise<BootedApp> {
  const { http = 'express', adapter, configure, log = new LogCapture(), nest, ...module } = options;

  @Module(module)
  class TestRootModule {}

  const app = await NestFactory.create<INestApplication>(
    TestRootModule,
    createHttpAdapter(http, nest) as never,
    { abortOnError: false, ...nest, logger: log },
  );
  try {
    if (adapter) app.useWebSocketAdapter(adapter(app));
    await configure?.(app);
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    throw error;
  }
  return new BootedApp(app, log);
}

function createHttpAdapter(http: HttpKind, nest: BootOptions['nest']) {
  if (http === 'express') return new ExpressAdapter();
  // Before Nest 12, Fastify has to be told by its own option.
  return new FastifyAdapter(nest?.forceCloseConnections ? { forceCloseConnections: true } : {});
}
