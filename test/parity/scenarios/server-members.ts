import type { ClientRequest, IncomingMessage, Server as HttpServer } from 'node:http';
import { expect } from '@jest/globals';
import { WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import type { WebSocketServer as Server } from 'ws';
import { withDeadline } from '../../support/deadline.js';
import type { BootedApp } from '../../support/nest-app.js';
import { WsClient } from '../../support/ws-client.js';
import { Echoing } from '../echoing.gateway.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';
import type { World } from '../world.js';

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

/** An app whose server was closed, with what was told in which order. */
async function closeAndListen(world: World) {
  const told: string[] = [];
  @WebSocketGateway()
  class ListeningGateway extends Echoing {
    @WebSocketServer() server!: Server;

    afterInit(server: Server) {
      server.on('close', () => told.push('close'));
    }
  }
  const { app, client } = await world.enter([ListeningGateway]);
  await client.settle();
  const { server } = app.app.get(ListeningGateway);
  const closed = new Promise<void>((resolve) =>
    server.close(() => {
      told.push('done');
      resolve();
    }),
  );
  client.socket.close();
  await withDeadline(closed, 'the server to close');
  return { app, told };
}

const scenarios: Scenario[] = [
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
  {
    title: 'tells listeners of "close" when the server was closed and all have gone, once',
    stock: {
      differs: 'the app cannot be closed any more, either',
      run: async (world) => {
        const { app, told } = await closeAndListen(world);
        expect(told).toEqual(['close', 'done']);
        await expectNoClose(app);
      },
    },
    run: async (world) => {
      const { app, told } = await closeAndListen(world);
      expect(told).toEqual(['close', 'done']);
      await app.close();
      expect(told).toEqual(['close', 'done']);
    },
  },
];

export const serverMembers: ScenarioGroup = { theme: 'members of the ws server', scenarios };
