import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { BackplaneServer, BackplaneSocket, RedisBackplaneModule } from 'nestjs-redis-backplane';
import { WebSocket, WebSocketServer as WsServer } from 'ws';
import { closeAfterEach } from '../support/cleanup.js';
import { bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';

/**
 * Members of the prototypes of `ws` that it calls private in its comments, and its types do not
 * know.
 */
const PRIVATE = ['constructor', 'setSocket', 'emitClose', 'completeUpgrade'];

function membersOf(...prototypes: readonly object[]): string[] {
  return prototypes
    .flatMap((prototype) => Object.getOwnPropertyNames(prototype))
    .filter((name) => !name.startsWith('_') && !PRIVATE.includes(name));
}

/** `function`, or how it is read and written. */
function kindOf(prototype: object, name: string): string {
  for (let at: object | null = prototype; at; at = Object.getPrototypeOf(at) as object | null) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (!found) continue;
    if (typeof found.value === 'function') return 'method';
    return found.set ? 'read and written' : 'read';
  }
  return 'missing';
}

describe('The public members of ws', () => {
  guardProcess();
  const track = closeAfterEach();

  it('are all on a client, each of the same kind', () => {
    const names = membersOf(WebSocket.prototype, EventEmitter.prototype);
    expect(names.length).toBeGreaterThan(30);
    const ofWs = names.map((name) => [name, kindOf(WebSocket.prototype, name)]);
    const ofOurs = names.map((name) => [name, kindOf(BackplaneSocket.prototype, name)]);
    expect(ofOurs).toEqual(ofWs);
    expect(names).toEqual(expect.arrayContaining(['OPEN', 'onmessage', 'addEventListener']));
  });

  it('are all on a server, each of the same kind', () => {
    const names = membersOf(WsServer.prototype, EventEmitter.prototype);
    const ofWs = names.map((name) => [name, kindOf(WsServer.prototype, name)]);
    const ofOurs = names.map((name) => [name, kindOf(BackplaneServer.prototype, name)]);
    expect(ofOurs).toEqual(ofWs);
  });

  it('are all on the class of a client, as far as they are constants', () => {
    const constants = Object.entries(Object.getOwnPropertyDescriptors(WebSocket))
      .filter(([, { value }]) => typeof value === 'number' && value < 4)
      .map(([name, { value }]) => [name, value as number] as const)
      .filter(([name]) => name !== 'length');
    expect(constants).toHaveLength(4);
    for (const [name, value] of constants) expect(BackplaneSocket).toHaveProperty(name, value);
  });

  it('read the same on a live client and server as on those of ws', async () => {
    const clients: BackplaneSocket[] = [];
    @WebSocketGateway()
    class KeepingGateway {
      @WebSocketServer() server!: BackplaneServer;

      handleConnection(client: BackplaneSocket) {
        clients.push(client);
      }

      @SubscribeMessage('echo')
      echo(@MessageBody() data: unknown) {
        return { event: 'echo', data };
      }
    }
    const imports = [RedisBackplaneModule.forRoot({ redis: 'memory' })];
    const app = track(await bootApp({ imports, providers: [KeepingGateway] }));
    const peer = track(await WsClient.connect(app.url()));
    await peer.settle();
    const read = (of: object, name: string) => (of as Record<string, unknown>)[name];
    const [client] = clients;
    const names = membersOf(WebSocket.prototype).filter(
      (name) => kindOf(WebSocket.prototype, name) !== 'method',
    );
    expect(names.length).toBeGreaterThan(12);
    for (const name of [...names, '_socket'])
      expect([name, read(client!, name)]).toEqual([name, read(client!.raw, name)]);
    const { server } = app.app.get(KeepingGateway);
    const own = Object.keys(server.raw).filter((name) => !name.startsWith('_'));
    expect(own).toEqual(expect.arrayContaining(['clients', 'options']));
    for (const name of own) expect([name, name in server]).toEqual([name, true]);
    expect(server.options).toBe(server.raw.options);
    expect([...server.clients].map(({ raw }) => raw)).toEqual([...server.raw.clients]);
  });

  it('remove the listeners of the app, and leave those of the adapter', async () => {
    const seen: string[] = [];
    @WebSocketGateway()
    class RemovingGateway {
      @WebSocketServer() server!: BackplaneServer;

      handleConnection(client: BackplaneSocket) {
        client.on('message', () => seen.push('message')).on('close', () => seen.push('close'));
        client.removeAllListeners('message').removeAllListeners();
        this.server.on('headers', () => seen.push('headers')).removeAllListeners();
      }

      @SubscribeMessage('echo')
      echo(@MessageBody() data: unknown) {
        return { event: 'echo', data };
      }

      handleDisconnect() {
        seen.push('gone');
      }
    }
    const imports = [RedisBackplaneModule.forRoot({ redis: 'memory' })];
    const app = track(await bootApp({ imports, providers: [RemovingGateway] }));
    const client = track(await WsClient.connect(app.url()));
    await client.settle();
    client.socket.close();
    await waitFor('the end', () => seen.includes('gone'));
    expect(seen).toEqual(['gone']);
  });

  it('throw where the adapter does it by itself', () => {
    expect(() => BackplaneServer.prototype.handleUpgrade()).toThrow(
      'The adapter takes the upgrades of its path by itself',
    );
  });
});
