import type { Server as HttpServer } from 'node:http';

import { Logger } from '@nestjs/common';
import type { HttpAdapterHost, ModulesContainer } from '@nestjs/core';

import { shared } from './copies.js';

/** After the app is up: some apps call `enableShutdownHooks()` behind `listen()`. */
const GRACE_MS = 1_000;

/** Of apps that `@nestjs/testing` makes. */
const TEST_ROOT = 'RootTestModule';

/** Apps that were looked at: each once, however many backplanes it has. */
const looked = shared('shutdown-hints', () => new WeakSet<ModulesContainer>());

/**
 * Says, once an app listens, that nothing closes it when the process is told to end. Nest tells
 * nobody whether `enableShutdownHooks()` was called, but what it does is to listen for signals, and
 * an app that closes itself has to do so, too. Apps that listen to nothing are scripts, and tests
 * close what they open.
 */
export function watchShutdownHooks(modules: ModulesContainer, host: HttpAdapterHost): void {
  if (looked.has(modules) || isTest(modules)) return;
  looked.add(modules);
  const server = host.httpAdapter?.getHttpServer() as HttpServer | undefined;
  if (typeof server?.once !== 'function') return;
  const look = (): void => {
    setTimeout(() => {
      if (server.listening && !isToldToEnd()) warn();
    }, GRACE_MS).unref();
  };
  if (server.listening) look();
  else server.once('listening', look);
}

function warn(): void {
  new Logger('RedisBackplaneModule').warn(
    'Nothing closes this app at SIGTERM, which every deployment sends: its clients get 1006 and no close frame, and the other instances ' +
      'miss it until its lease has lapsed. Call app.enableShutdownHooks() in main.ts.',
  );
}

/** By a signal, or by a message of a process manager. PM2 sends SIGINT. */
function isToldToEnd(): boolean {
  const isHeard = (event: string): boolean => process.listenerCount(event) > 0;
  return isHeard('SIGTERM') || isHeard('message') || ('pm_id' in process.env && isHeard('SIGINT'));
}

function isTest(modules: ModulesContainer): boolean {
  const { NODE_ENV, JEST_WORKER_ID, VITEST, NODE_TEST_CONTEXT } = process.env;
  if (NODE_ENV === 'test' || JEST_WORKER_ID || VITEST || NODE_TEST_CONTEXT) return true;
  return [...modules.values()].some(({ metatype }) => metatype?.name === TEST_ROOT);
}
