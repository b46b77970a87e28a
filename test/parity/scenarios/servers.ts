import { once } from 'node:events';
import { createServer, type Server as HttpServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Controller, Sse } from '@nestjs/common';
import { expect } from '@jest/globals';
import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { concat, NEVER, of } from 'rxjs';
import type { ServerOptions } from 'ws';
import { freePort } from '../../support/free-port.js';
import { withDeadline } from '../../support/deadline.js';
import { Gate } from '../../support/gate.js';
import { frameBytes, Opcode, RawWsClient } from '../../support/raw-ws-client.js';
import { nextTurn, waitFor } from '../../support/wait-for.js';
import { Echoing } from '../echoing.gateway.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';
import { toldReason } from '../target.js';
import type { World } from '../world.js';

@WebSocketGateway()
class RootGateway extends Echoing {}

@WebSocketGateway({ path: '/chat' })
class ChatGateway extends Echoing {}

/** A gateway with options of the `ws` package, which Nest's types do not know. */
function gatewayWithOptions(options: ServerOptions) {
  @WebSocketGateway(options as object)
  class OptionsGateway extends Echoing {}
  return OptionsGateway;
}

/** An HTTP server of the test's own. */
async function ownServer(world: World) {
  const server = createServer((_request, response) => response.end('mine'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  world.track({
    dispose: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  });
  const { port } = server.address() as AddressInfo;
  return { server, address: `127.0.0.1:${port}` };
}

/** An app whose client leaves with the app, and takes a while to be said goodbye to. */
async function closeDuringGoodbye(world: World) {
  const order: string[] = [];
  const gate = new Gate();
  @WebSocketGateway()
  class SlowGoodbyeGateway extends Echoing implements OnGatewayDisconnect {
    async handleDisconnect() {
      await gate.opened;
      order.push('goodbye');
    }
    onApplicationShutdown() {
      order.push('shutdown');
    }
  }
  const { app, client } = await world.enter([SlowGoodbyeGateway]);
  await client.settle();
  const closing = app.close();
  await client.awaitClose();
  return { order, gate, closing };
}

/** An app with an event stream that never ends, one reader of it, and one WebSocket client. */
async function bootWithOpenStream(world: World, forceCloseConnections: boolean) {
  @Controller()
  class StreamController {
    @Sse('/stream')
    stream() {
      return concat(of({ data: 'first' }), NEVER);
    }
  }
  const shutdown = { isDone: false };
  @WebSocketGateway()
  class WatchedGateway extends Echoing {
    onApplicationShutdown() {
      shutdown.isDone = true;
    }
  }
  const app = await world.boot({
    controllers: [StreamController],
    providers: [WatchedGateway],
    nest: { forceCloseConnections },
  });
  const request = get(app.httpUrl('/stream'));
  request.on('error', () => {});
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
  response.on('error', () => {});
  await once(response, 'data');
  response.resume();
  const client = await world.connect(app.url());
  await client.settle();
  return { app, client, request, shutdown };
}

async function closeUnder(world: World) {
  const reasons: unknown[] = [];
  const port = await freePort();
  @WebSocketGateway()
  class SharedGateway implements OnGatewayDisconnect {
    handleDisconnect(_client: unknown, reason: unknown) {
      reasons.push(reason);
    }
  }
  @WebSocketGateway(port)
  class OwnPortGateway {}
  const app = await world.boot({ providers: [SharedGateway, OwnPortGateway, ChatGateway] });
  const clients = [
    await world.connect(app.url()),
    await world.connect(app.url('/chat')),
    await world.connect(`ws://127.0.0.1:${port}`),
  ];
  await app.close();
  const codes = await Promise.all(clients.map(async (client) => (await client.awaitClose()).code));
  return { codes, reasons };
}

const upgradeListeners = (server: HttpServer) => server.listenerCount('upgrade');

const scenarios: Scenario[] = [
  {
    title: 'says goodbye to clients with 1001 or 1012 when the app closes',
    stock: {
      differs: 'it cuts them off: they see 1006',
      run: async (world) => {
        const { codes, reasons } = await closeUnder(world);
        expect(codes).toEqual([1006, 1006, 1006]);
        expect(reasons).toEqual([1006]);
      },
    },
    run: async (world) => {
      const { codes, reasons } = await closeUnder(world);
      for (const code of codes) expect([1001, 1012]).toContain(code);
      expect(reasons).toEqual([toldReason(codes[0]!)]);
    },
  },
  {
    title: 'lets an async handleDisconnect finish before the app has closed',
    stock: {
      differs: 'it does not wait: clean-up may run into what is shut down',
      run: async (world) => {
        const { order, gate, closing } = await closeDuringGoodbye(world);
        await withDeadline(closing, 'the app to close');
        gate.open();
        await waitFor('the goodbye', () => order.length === 2);
        expect(order).toEqual(['shutdown', 'goodbye']);
      },
    },
    run: async (world) => {
      const { order, gate, closing } = await closeDuringGoodbye(world);
      await nextTurn(20);
      expect(order).toEqual([]);
      gate.open();
      await withDeadline(closing, 'the app to close');
      expect(order).toEqual(['goodbye', 'shutdown']);
    },
  },
  {
    title: 'listens on no port when the app has closed',
    stock: 'same',
    run: async (world) => {
      const port = await freePort();
      const pathPort = await freePort();
      @WebSocketGateway(port)
      class OwnPortGateway extends Echoing {}
      @WebSocketGateway(pathPort, { path: '/x' })
      class OwnPortAndPathGateway extends Echoing {}
      const app = await world.boot({
        providers: [RootGateway, OwnPortGateway, OwnPortAndPathGateway],
      });
      const urls = [app.url(), `ws://127.0.0.1:${port}`, `ws://127.0.0.1:${pathPort}/x`];
      for (const url of urls) await (await world.connect(url)).settle();
      await app.close();
      for (const url of urls) await expect(world.connect(url)).rejects.toThrow('ECONNREFUSED');
    },
  },
  {
    title: 'closes while clients come, go and talk',
    stock: 'same',
    run: async (world) => {
      const { app, client } = await world.enter([RootGateway]);
      const latecomers = Array.from({ length: 10 }, () =>
        world.connect(app.url()).catch(() => undefined),
      );
      for (let i = 0; i < 100; i++) client.sendEvent('echo', i);
      const leaver = await world.connect(app.url());
      leaver.socket.close();
      await withDeadline(app.close(), 'the app to close');
      for (const latecomer of await Promise.all(latecomers)) await latecomer?.awaitClose();
      await client.awaitClose();
    },
  },
  {
    title: 'serves gateways on a server that the caller owns',
    stock: 'same',
    run: async (world) => {
      const { server, address } = await ownServer(world);
      await world.boot({ providers: [ChatGateway], adapter: { httpServer: server } });
      const client = await world.connect(`ws://${address}/chat`);
      expect(await client.settle()).toEqual([]);
      expect(await (await fetch(`http://${address}/`)).text()).toBe('mine');
    },
  },
  {
    title: 'leaves a server that the caller owns open, and without its listener',
    stock: 'same',
    run: async (world) => {
      const { server, address } = await ownServer(world);
      const before = server.eventNames().map((name) => [name, server.listenerCount(name)]);
      const app = await world.boot({
        providers: [ChatGateway],
        adapter: { httpServer: server },
      });
      expect(upgradeListeners(server)).toBe(1);
      const client = await world.connect(`ws://${address}/chat`);
      await app.close();
      await client.awaitClose();
      expect(server.eventNames().map((name) => [name, server.listenerCount(name)])).toEqual(before);
      expect(await (await fetch(`http://${address}/`)).text()).toBe('mine');
    },
  },
  {
    title: 'piles up no listeners over three apps on one server, one after the other',
    stock: 'same',
    run: async (world) => {
      const { server, address } = await ownServer(world);
      for (let i = 0; i < 3; i++) {
        const app = await world.boot({
          providers: [RootGateway, ChatGateway],
          adapter: { httpServer: server },
        });
        const client = await world.connect(`ws://${address}/chat`);
        await client.settle();
        expect(upgradeListeners(server)).toBe(1);
        await app.close();
        expect(upgradeListeners(server)).toBe(0);
      }
    },
  },
  {
    title: "takes its listener off the app's server when disposed of",
    stock: 'same',
    run: async (world) => {
      const app = await world.boot({ providers: [RootGateway] });
      const server = app.app.getHttpServer() as HttpServer;
      expect(upgradeListeners(server)).toBe(1);
      await app.close();
      expect(upgradeListeners(server)).toBe(0);
    },
  },
  {
    title: 'closes twice, and at the same time',
    stock: 'same',
    run: async (world) => {
      const { app } = await world.enter([RootGateway]);
      await Promise.all([app.app.close(), app.app.close()]);
    },
  },
  {
    title: "passes a gateway's maxPayload on to ws",
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([gatewayWithOptions({ maxPayload: 100 })]);
      client.sendEvent('echo', 'x'.repeat(40));
      expect(await client.nextEvent('echo')).toHaveLength(40);
      client.sendEvent('echo', 'x'.repeat(100));
      expect(await client.awaitClose()).toMatchObject({ code: 1009 });
    },
  },
  {
    title: "passes a gateway's verifyClient and handleProtocols on to ws",
    stock: 'same',
    run: async (world) => {
      const gateway = gatewayWithOptions({
        verifyClient: ({ req }: { req: { url?: string } }) => req.url !== '/?no',
        handleProtocols: () => 'second',
      });
      const app = await world.boot({ providers: [gateway] });
      const client = await world.connect(app.url(), { protocols: ['first', 'second'] });
      expect(client.socket.protocol).toBe('second');
      const refused = await world.connect(app.url('/?no')).catch((error: unknown) => error);
      expect(refused).toMatchObject({ statusCode: 401 });
    },
  },
  {
    title: "lets an open event stream hold up the app's end",
    stock: 'same',
    run: async (world) => {
      const { app, client, request, shutdown } = await bootWithOpenStream(world, false);
      let isClosed = false;
      const closing = app.close().then(() => (isClosed = true));
      await client.awaitClose();
      await waitFor('the server to stop listening', () => !app.app.getHttpServer().listening);
      await nextTurn(20);
      expect({ isClosed, ...shutdown }).toEqual({ isClosed: false, isDone: false });
      request.destroy();
      await withDeadline(closing, 'the app to close');
      expect(shutdown.isDone).toBe(true);
    },
  },
  {
    title: 'ends at once with an open event stream, given forceCloseConnections',
    stock: 'same',
    run: async (world) => {
      const { app, client, shutdown } = await bootWithOpenStream(world, true);
      await withDeadline(app.close(), 'the app to close');
      expect(shutdown.isDone).toBe(true);
      await client.awaitClose();
    },
  },
  {
    title: 'serves two apps of one process without mixing them up',
    stock: 'same',
    run: async (world) => {
      const first = await world.enter([RootGateway]);
      const second = await world.enter([ChatGateway], '/chat');
      expect(await first.client.settle()).toEqual([]);
      await first.app.close();
      expect(await second.client.settle()).toEqual([]);
      await expect(world.connect(second.app.url('/'))).rejects.toThrow();
    },
  },
  {
    title: 'answers a message that comes with the upgrade in one packet',
    stock: 'same',
    run: async (world) => {
      @WebSocketGateway()
      class GreetingGateway {
        @SubscribeMessage('hi')
        hi() {
          return { event: 'hi' };
        }
      }
      const app = await world.boot({ providers: [GreetingGateway] });
      const message = frameBytes({ opcode: Opcode.text, payload: '{"event":"hi"}' });
      const client = world.track(await RawWsClient.upgrade(app.port, '/', message));
      await waitFor('the answer', () => client.text.endsWith('{"event":"hi"}'));
    },
  },
];

export const servers: ScenarioGroup = { theme: 'servers, options and the end', scenarios };
