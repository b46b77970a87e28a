import { once } from 'node:events';
import { connect } from 'node:net';
import { Controller, Get } from '@nestjs/common';
import { expect } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { freePort } from '../../support/free-port.js';
import { UpgradeRefusedError } from '../../support/ws-client.js';
import { Echoing } from '../echoing.gateway.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';
import type { World } from '../world.js';

@WebSocketGateway()
class RootGateway extends Echoing {
  @SubscribeMessage('where')
  where() {
    return { event: 'here', data: 'root' };
  }
}

@WebSocketGateway({ path: '/chat' })
class ChatGateway extends Echoing {
  @SubscribeMessage('where')
  where() {
    return { event: 'here', data: 'chat' };
  }
}

@WebSocketGateway({ path: '/news' })
class NewsGateway extends Echoing {
  @SubscribeMessage('where')
  where() {
    return { event: 'here', data: 'news' };
  }
}

@WebSocketGateway({ path: '/chat' })
class SecondChatGateway {
  @SubscribeMessage('where')
  where() {
    return { event: 'here', data: 'second chat' };
  }

  @SubscribeMessage('only-second')
  only(@MessageBody() data: unknown) {
    return { event: 'only-second', data };
  }
}

/** A gateway on a port of its own. */
function gatewayOnPort(port: number, answer: string, options = {}) {
  @WebSocketGateway(port, options)
  class OwnPortGateway extends Echoing {
    @SubscribeMessage('where')
    where() {
      return { event: 'here', data: answer };
    }
  }
  return OwnPortGateway;
}

/** Whether somebody listens there. */
async function isOpen(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function whoAnswers(world: World, url: string): Promise<unknown> {
  const client = await world.connect(url);
  client.sendEvent('where');
  return client.nextEvent('here');
}

const onPort = (port: number, path = '/') => `ws://127.0.0.1:${port}${path}`;

const scenarios: Scenario[] = [
  {
    title: "serves a gateway on the app's HTTP server",
    stock: 'same',
    run: async (world) => {
      const app = await world.boot({ providers: [RootGateway] });
      expect(await whoAnswers(world, app.url())).toBe('root');
    },
  },
  {
    title: 'serves a gateway on a port of its own',
    stock: 'same',
    run: async (world) => {
      const port = await freePort();
      await world.boot({ providers: [gatewayOnPort(port, 'own')] });
      expect(await whoAnswers(world, onPort(port))).toBe('own');
    },
  },
  {
    title: 'listens where a gateway on its own port says, and nowhere else',
    stock: 'same',
    run: async (world) => {
      const port = await freePort();
      await world.boot({ providers: [gatewayOnPort(port, 'own', { host: '127.0.0.1' })] });
      expect(await whoAnswers(world, onPort(port))).toBe('own');
      expect(await isOpen('127.0.0.2', port)).toBe(false);
    },
  },
  {
    title: 'serves any path on an own port without one',
    stock: 'same',
    run: async (world) => {
      const port = await freePort();
      await world.boot({ providers: [gatewayOnPort(port, 'own')] });
      expect(await whoAnswers(world, onPort(port, '/any/where?a=1'))).toBe('own');
    },
  },
  {
    title: 'serves a gateway on a path, whatever its query says',
    stock: 'same',
    run: async (world) => {
      const app = await world.boot({ providers: [ChatGateway] });
      expect(await whoAnswers(world, app.url('/chat'))).toBe('chat');
      expect(await whoAnswers(world, app.url('/chat?token=a/b&path=/news'))).toBe('chat');
    },
  },
  {
    title: 'tells gateways on different paths apart',
    stock: 'same',
    run: async (world) => {
      const app = await world.boot({ providers: [RootGateway, ChatGateway, NewsGateway] });
      expect(await whoAnswers(world, app.url('/chat'))).toBe('chat');
      expect(await whoAnswers(world, app.url('/news'))).toBe('news');
      expect(await whoAnswers(world, app.url('/'))).toBe('root');
    },
  },
  {
    title: 'tells gateways on different ports, on the same path, apart',
    stock: 'same',
    run: async (world) => {
      const [a, b] = [await freePort(), await freePort()];
      await world.boot({
        providers: [
          gatewayOnPort(a, 'on a', { path: '/x' }),
          gatewayOnPort(b, 'on b', { path: '/x' }),
        ],
      });
      expect(await whoAnswers(world, onPort(a, '/x'))).toBe('on a');
      expect(await whoAnswers(world, onPort(b, '/x'))).toBe('on b');
    },
  },
  {
    title: 'serves several paths on one own port, and the app beside it',
    stock: 'same',
    run: async (world) => {
      const port = await freePort();
      const app = await world.boot({
        providers: [
          RootGateway,
          gatewayOnPort(port, 'x', { path: '/x' }),
          gatewayOnPort(port, 'y', { path: '/y' }),
        ],
      });
      expect(await whoAnswers(world, onPort(port, '/x'))).toBe('x');
      expect(await whoAnswers(world, onPort(port, '/y'))).toBe('y');
      expect(await whoAnswers(world, app.url())).toBe('root');
    },
  },
  {
    title: 'lets two gateways share a path: each answers what it subscribes to, both what both do',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([ChatGateway, SecondChatGateway], '/chat');
      client.sendEvent('only-second', 1);
      expect(await client.next()).toEqual({ event: 'only-second', data: 1 });
      client.sendEvent('where');
      const answers = [
        await client.nextEvent<string>('here'),
        await client.nextEvent<string>('here'),
      ];
      expect(new Set(answers)).toEqual(new Set(['chat', 'second chat']));
      expect(await client.settle()).toEqual([]);
    },
  },
  {
    title: 'answers an upgrade to a path without a gateway with 404',
    stock: {
      differs: 'it cuts the connection without an HTTP answer',
      run: async (world) => {
        const app = await world.boot({ providers: [ChatGateway] });
        await expect(world.connect(app.url('/nowhere'))).rejects.toThrow('socket hang up');
      },
    },
    run: async (world) => {
      const app = await world.boot({ providers: [ChatGateway] });
      for (const path of ['/nowhere', '/', '/chat/deeper', '/CHAT']) {
        const refusal = await world.connect(app.url(path)).catch((error: unknown) => error);
        expect(refusal).toBeInstanceOf(UpgradeRefusedError);
        expect(refusal).toMatchObject({ statusCode: 404 });
      }
    },
  },
  {
    title: 'leaves HTTP requests to the framework, also on the path of a gateway',
    stock: 'same',
    run: async (world) => {
      @Controller()
      class PageController {
        @Get('/chat')
        page() {
          return 'a page';
        }
      }
      const app = await world.boot({ providers: [ChatGateway], controllers: [PageController] });
      expect(await (await fetch(app.httpUrl('/chat'))).text()).toBe('a page');
      expect((await fetch(app.httpUrl('/nowhere'))).status).toBe(404);
      expect(await whoAnswers(world, app.url('/chat'))).toBe('chat');
    },
  },
  {
    title: 'refuses namespaces at boot and says so',
    stock: 'same',
    run: async (world) => {
      @WebSocketGateway({ namespace: 'rooms' })
      class NamespacedGateway {}
      await expect(world.boot({ providers: [NamespacedGateway] })).rejects.toThrow(/namespace/i);
    },
  },
  {
    title:
      'creates a server that serves clients when given no options, or undefined, or empty ones',
    stock: {
      differs: 'in 12.1 it fails on omitted options',
      run: async (world) => {
        await expect(serveWithOptions(world, [])).rejects.toThrow(TypeError);
        await expect(serveWithOptions(world, [{}])).resolves.toEqual({ event: 'served' });
      },
    },
    run: async (world) => {
      const choices: [Record<string, unknown>?][] = [[], [undefined], [{}]];
      for (const options of choices) {
        expect(await serveWithOptions(world, options)).toEqual({ event: 'served' });
      }
    },
  },
];

/** Calls the adapter's `create` as a host other than Nest's gateways would. */
async function serveWithOptions(
  world: World,
  options: [Record<string, unknown>?],
): Promise<unknown> {
  const app = await world.boot({
    adapter: {
      change: (adapter) => {
        const server = adapter.create(0, ...options);
        adapter.bindClientConnect(server, (client: { send(data: string): void }) =>
          client.send('{"event":"served"}'),
        );
      },
    },
  });
  const client = await world.connect(app.url());
  return client.next();
}

export const addresses: ScenarioGroup = { theme: 'ports, paths and upgrades', scenarios };
