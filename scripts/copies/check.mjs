/** Two copies of the package in one process: what one app does that uses both. */
import 'reflect-metadata';
import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { Inject, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { WebSocket } from 'ws';

const warnings = [];
Logger.overrideLogger({
  log: () => {},
  warn: (line) => warnings.push(String(line)),
  error: console.error,
});

/**
 * Lets apps use both copies: the module is of one, and a provider, the authenticator and the checks
 * of errors are of the other.
 * @param files what the warning about the copies is to name
 */
export async function check(esm, cjs, files) {
  ok(esm.Backplane !== cjs.Backplane, 'these are not two copies');
  for (const [one, other] of [
    [esm, cjs],
    [cjs, esm],
  ]) {
    errorsMatch(one, other);
    await oneAppUsesBoth(one, other);
  }
  deepEqual(
    warnings.map((line) => files.filter((file) => line.includes(file))),
    [files],
    'one warning is to name both copies',
  );
}

function errorsMatch(one, other) {
  const refused = new one.BackplaneRefusedError('no');
  for (const name of ['BackplaneRefusedError', 'BackplaneUnavailableError', 'BackplaneError'])
    ok(refused instanceof other[name], `not instanceof ${name} of the other copy`);
  for (const name of ['BackplaneNotReplicatedError', 'BackplaneClosedError', 'LimitExceededError'])
    ok(!(refused instanceof other[name]), `instanceof ${name} of the other copy`);
  class OfTheApp extends other.BackplaneError {}
  ok(!(refused instanceof OfTheApp));
  const limit = new one.LimitExceededError({ limit: 'rooms', max: 1, asked: 2 });
  ok(limit instanceof other.LimitExceededError && limit instanceof other.BackplaneError);
  ok(!(new Error('x') instanceof other.BackplaneError));
}

async function oneAppUsesBoth(one, other) {
  const { app, parts } = await boot(one, other);
  const { port } = app.getHttpServer().address();
  const client = new WebSocket(`ws://127.0.0.1:${port}/chat`);
  const [first] = await once(client, 'message');
  deepEqual(JSON.parse(first), { event: 'hello', data: 'alice' });
  equal(parts.byClass, parts.byName, 'the class of the other copy gives another backplane');
  const told = once(client, 'message');
  await parts.byClass.hub('/chat').toUser('alice').publish('told', 1);
  deepEqual(JSON.parse((await told)[0]), { event: 'told', data: 1 });
  const gone = once(client, 'close');
  await app.close();
  equal((await gone)[0], 1001);
}

async function boot(one, other) {
  class Parts {
    constructor(byClass, byName) {
      Object.assign(this, { byClass, byName });
    }
  }
  Inject(other.Backplane)(Parts, undefined, 0);
  other.InjectBackplane()(Parts, undefined, 1);
  class Chat {
    handleConnection(client) {
      client.emit('hello', client.user.id);
    }
  }
  WebSocketGateway({ path: '/chat' })(Chat);
  WebSocketServer()(Chat.prototype, 'server');
  class App {}
  Module({
    imports: [one.RedisBackplaneModule.forRoot({ redis: 'memory' })],
    providers: [
      Parts,
      Chat,
      { provide: other.BACKPLANE_AUTHENTICATOR, useValue: () => ({ id: 'alice' }) },
    ],
  })(App);
  const app = await NestFactory.create(App, { abortOnError: false });
  await app.listen(0, '127.0.0.1');
  return { app, parts: app.get(Parts) };
}
