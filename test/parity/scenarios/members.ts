import { once } from 'node:events';
import type { ClientRequest, IncomingMessage, Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { expect } from '@jest/globals';
import {
  ConnectedSocket,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import type { WebSocket, WebSocketServer as Server } from 'ws';
import { withDeadline } from '../../support/deadline.js';
import type { BootedApp } from '../../support/nest-app.js';
import { waitFor } from '../../support/wait-for.js';
import { WsClient } from '../../support/ws-client.js';
import { Echoing } from '../echoing.gateway.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';
import type { World } from '../world.js';

type Alive = WebSocket & { isAlive: boolean };

function heartbeat(this: WebSocket) {
  (this as Alive).isAlive = true;
}

/** The heartbeat of the README of `ws`. Its interval is the test's to call. */
@WebSocketGateway()
class HeartbeatGateway extends Echoing implements OnGatewayConnection {
  @WebSocketServer() server!: Server;

  handleConnection(client: Alive) {
    client.isAlive = true;
    client.on('error', () => {});
    client.on('pong', heartbeat);
  }

  tick() {
    this.server.clients.forEach((client) => {
      const alive = client as Alive;
      if (!alive.isAlive) return client.terminate();
      alive.isAlive = false;
      client.ping();
    });
  }
}

/** A gateway that does something with a client when it comes. */
function gatewayThat(act: (client: WebSocket) => void) {
  @WebSocketGateway()
  class ActingGateway extends Echoing implements OnGatewayConnection {
    @WebSocketServer() server!: Server;

    handleConnection(client: WebSocket) {
      act(client);
    }
  }
  return ActingGateway;
}

/** Its HTTP server has to be closed by hand. */
async function expectNoClose(booted: BootedApp) {
  const { app } = booted;
  await expect(app.close()).rejects.toThrow('not running');
  const server = app.getHttpServer() as HttpServer;
  await new Promise((resolve) => server.close(resolve));
  Object.assign(booted, { close: () => Promise.resolve() });
}

/** An app whose gateway ends its clients and closes its server at shutdown, by itself. */
async function closeByHook(world: World) {
  const told: unknown[] = [];
  @WebSocketGateway()
  class ClosingGateway extends Echoing {
    @WebSocketServer() server!: Server;

    onModuleDestroy() {
      for (const client of this.server.clients) client.close(1001);
      return new Promise<void>((resolve) => {
        this.server.close((error) => {
          told.push(error);
          resolve();
        });
      });
    }
  }
  const { app, client } = await world.enter([ClosingGateway]);
  await client.settle();
  return { app, client, told };
}

/** An app whose server was closed, and whom nobody is left at. */
async function refuseAfterClose(world: World) {
  @WebSocketGateway()
  class ClosedGateway extends Echoing {
    @WebSocketServer() server!: Server;
  }
  const { app, client } = await world.enter([ClosedGateway]);
  const { server } = app.app.get(ClosedGateway);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await expect(WsClient.connect(app.url())).rejects.toThrow('503');
  expect(await client.settle()).toEqual([]);
  client.socket.close();
  await withDeadline(closed, 'the server to close');
  return app;
}

const scenarios: Scenario[] = [
  {
    title: 'keeps the clients that answer the heartbeat of the README of ws, and ends the others',
    stock: 'same',
    run: async (world) => {
      const app = await world.boot({ providers: [HeartbeatGateway] });
      const gateway = app.app.get(HeartbeatGateway);
      const well = await world.connect(app.url());
      const mute = await world.connect(app.url(), { autoPong: false });
      await Promise.all([well.settle(), mute.settle()]);
      const isAlive = () =>
        [...gateway.server.clients].filter((client) => (client as Alive).isAlive);
      for (let round = 0; round < 3; round++) {
        gateway.tick();
        await waitFor('the pong', () => isAlive().length === 1);
      }
      expect((await mute.awaitClose()).code).toBe(1006);
      expect(await well.settle()).toEqual([]);
    },
  },
  {
    title: 'has the states on the client, as in "readyState === client.OPEN"',
    stock: 'same',
    run: async (world) => {
      @WebSocketGateway()
      class StatesGateway {
        @SubscribeMessage('state')
        state(@ConnectedSocket() client: WebSocket) {
          const { CONNECTING, OPEN, CLOSING, CLOSED } = client;
          if (client.readyState === client.OPEN) client.send('"open"');
          return { event: 'states', data: [CONNECTING, OPEN, CLOSING, CLOSED] };
        }
      }
      const { client } = await world.enter([StatesGateway]);
      client.send('{"event":"state"}');
      expect(await client.frames(2)).toEqual(['open', { event: 'states', data: [0, 1, 2, 3] }]);
    },
  },
  {
    title: 'has the address where guards look for it',
    stock: 'same',
    run: async (world) => {
      @WebSocketGateway()
      class AddressGateway {
        @SubscribeMessage('address')
        address(@ConnectedSocket() client: WebSocket & { _socket: Socket }) {
          return { event: 'address', data: client._socket.remoteAddress };
        }
      }
      const { client } = await world.enter([AddressGateway]);
      client.send('{"event":"address"}');
      expect(await client.nextEvent('address')).toMatch(/127\.0\.0\.1$/);
    },
  },
  {
    title: 'calls what was set as onmessage and onclose, with the client as target',
    stock: 'same',
    run: async (world) => {
      const seen: unknown[] = [];
      const Gateway = gatewayThat((client) => {
        // oxlint-disable unicorn/prefer-add-event-listener -- gateways write it so
        client.onmessage = function ({ type, data, target }) {
          seen.push([type, data, target === client, (this as unknown) === client]);
        };
        client.onclose = ({ code, reason, wasClean }) => seen.push([code, reason, wasClean]);
        // oxlint-enable unicorn/prefer-add-event-listener
        seen.push(typeof client.onclose, client.onerror);
      });
      const { client } = await world.enter([Gateway]);
      client.send('hello');
      await client.settle();
      client.socket.close(4001, 'bye');
      await waitFor('the end', () => seen.length >= 5);
      expect(seen[0]).toEqual('function');
      expect(seen[1]).toBeNull();
      expect(seen[2]).toEqual(['message', 'hello', true, true]);
      expect(seen.at(-1)).toEqual([4001, 'bye', true]);
    },
  },
  {
    title: 'adds and removes listeners in each of the ways of ws',
    stock: 'same',
    run: async (world) => {
      const seen: string[] = [];
      const Gateway = gatewayThat((client) => {
        const note = (word: string) => () => void seen.push(word);
        const [removed, off, gone] = [note('removed'), note('off'), note('gone')];
        client.addEventListener('message', note('event'));
        client.addEventListener('message', note('event once'), { once: true });
        client.addEventListener('message', gone);
        client.removeEventListener('message', gone);
        client.addListener('message', note('added'));
        client.once('message', note('once'));
        client.prependListener('message', note('first'));
        client.on('message', removed).removeListener('message', removed);
        client.once('message', off).off('message', off);
      });
      const { client } = await world.enter([Gateway]);
      client.send('1');
      client.send('2');
      await client.settle();
      const each = ['first', 'event', 'added'];
      expect(seen.slice(0, 5)).toEqual(['first', 'event', 'event once', 'added', 'once']);
      expect(seen.slice(5, 8)).toEqual(each);
    },
  },
  {
    title: 'counts and lists the listeners',
    stock: 'same',
    run: async (world) => {
      const seen: unknown[] = [];
      const Gateway = gatewayThat((client) => {
        const listener = () => {};
        client.on('pong', listener).once('ping', listener);
        seen.push(client.listenerCount('pong'), client.listeners('ping').includes(listener));
        seen.push(client.eventNames().includes('ping'), client.getMaxListeners() >= 0);
        client.off('pong', listener);
        seen.push(client.listenerCount('pong'));
      });
      const { client } = await world.enter([Gateway]);
      await client.settle();
      expect(seen).toEqual([1, true, true, true, 0]);
    },
  },
  {
    title: 'pauses a client and reads it again',
    stock: 'same',
    run: async (world) => {
      const clients: WebSocket[] = [];
      const { client } = await world.enter([gatewayThat((one) => void clients.push(one))]);
      await client.settle();
      const [served] = clients;
      served!.pause();
      expect(served!.isPaused).toBe(true);
      client.send('{"event":"echo","data":"late"}');
      served!.ping();
      await once(client.socket, 'ping');
      expect(client.received.at(-1)).not.toMatchObject({ data: 'late' });
      served!.resume();
      await client.take('the echo', (frame) => (frame as { data?: unknown }).data === 'late');
    },
  },
  {
    title:
      'tells of the headers of an upgrade, which a listener may add to, and is "this" to listeners',
    stock: 'same',
    run: async (world) => {
      const selves: unknown[] = [];
      @WebSocketGateway()
      class HeadersGateway extends Echoing {
        afterInit(server: Server) {
          server.on('headers', function (headers: string[], request: IncomingMessage) {
            selves.push(this === server);
            headers.push(`X-Path: ${request.url}`);
          });
          server.on('connection', function () {
            selves.push(this === server);
          });
        }
      }
      const app = await world.boot({ providers: [HeadersGateway] });
      let told: unknown;
      const client = await world.connect(app.url(), {
        finishRequest: (request: ClientRequest) => {
          request.once('upgrade', ({ headers }: IncomingMessage) => (told = headers['x-path']));
          request.end();
        },
      });
      await client.settle();
      expect(told).toBe('/');
      expect(selves).toEqual([true, true]);
    },
  },
  {
    title: 'has the options of the ws server',
    stock: 'same',
    run: async (world) => {
      @WebSocketGateway({ maxPayload: 4_321 } as object)
      class OptionsGateway extends Echoing {
        @WebSocketServer() server!: Server;
      }
      const { app } = await world.enter([OptionsGateway]);
      expect(app.app.get(OptionsGateway).server.options).toMatchObject({ maxPayload: 4_321 });
    },
  },
  {
    title:
      'closes with the app, also where a hook has closed the server, and calls back when all have gone',
    stock: {
      differs: 'the app does not close, as its server is not running',
      run: async (world) => {
        const { app } = await closeByHook(world);
        await expectNoClose(app);
      },
    },
    run: async (world) => {
      const { app, client, told } = await closeByHook(world);
      await withDeadline(app.close(), 'the app to close');
      expect(told).toEqual([undefined]);
      expect((await client.awaitClose()).code).toBe(1001);
    },
  },
  {
    title: 'refuses those who come after the server was closed',
    stock: {
      differs: 'the app cannot be closed any more, either',
      run: async (world) => expectNoClose(await refuseAfterClose(world)),
    },
    run: async (world) => void (await refuseAfterClose(world)),
  },
];

export const members: ScenarioGroup = { theme: 'members of the ws client and server', scenarios };
