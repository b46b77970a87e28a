import { expect } from '@jest/globals';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { concat, from, of, throwError } from 'rxjs';
import type { WebSocket, WebSocketServer as WsServer } from 'ws';
import { Echoing } from '../echoing.gateway.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';
import type { AdapterChoices, MessageParser } from '../target.js';
import type { World, WorldBootOptions } from '../world.js';

@WebSocketGateway()
class ResultsGateway extends Echoing {
  @SubscribeMessage('object')
  object() {
    return { event: 'object', data: { a: 1 } };
  }

  @SubscribeMessage('promise')
  promise() {
    return Promise.resolve({ event: 'promise', data: 1 });
  }

  @SubscribeMessage('observable')
  observable() {
    return from([1, 2, 3].map((data) => ({ event: 'tick', data })));
  }

  @SubscribeMessage('promised-observable')
  promisedObservable() {
    return Promise.resolve(of({ event: 'tick', data: 4 }));
  }

  @SubscribeMessage('failing-observable')
  failingObservable() {
    return concat(
      of({ event: 'tick', data: 5 }),
      throwError(() => new Error('broke')),
    );
  }

  @SubscribeMessage('value')
  value(@MessageBody() value: unknown) {
    return value;
  }

  @SubscribeMessage('nothing')
  nothing() {}
}

@WebSocketGateway()
class ArgumentsGateway extends Echoing {
  @SubscribeMessage('undecorated')
  undecorated(client: WebSocket, data: unknown) {
    return { event: 'arguments', data: { canSend: typeof client.send, data } };
  }

  @SubscribeMessage('swapped')
  swapped(@MessageBody() data: unknown, @ConnectedSocket() client: WebSocket) {
    return { event: 'arguments', data: { canSend: typeof client.send, data } };
  }

  @SubscribeMessage('picked')
  picked(@MessageBody('user') user: unknown) {
    return { event: 'arguments', data: user };
  }
}

/** Speaks `event|json`, as an app with a protocol of its own would. */
const pipeParser: MessageParser = (raw) => {
  const [event = '', json = ''] = raw.toString().split('|');
  if (event === 'drop') return;
  return { event, data: JSON.parse(json) };
};

/** The two ways to give an adapter a parser. */
const WAYS_TO_SET_A_PARSER: [string, (parser: MessageParser) => WorldBootOptions['adapter']][] = [
  ['the constructor', (messageParser): AdapterChoices => ({ messageParser })],
  ['setMessageParser', (parser) => ({ change: (adapter) => adapter.setMessageParser(parser) })],
];

async function enterWithParser(
  world: World,
  adapter: WorldBootOptions['adapter'],
  parserEcho = (token: string) => `echo|"${token}"`,
) {
  const app = await world.boot({ providers: [ResultsGateway], adapter });
  const client = await world.connect(app.url());
  return { app, client, settle: () => client.settle((token) => client.send(parserEcho(token))) };
}

/** What went wrong loudly: the lines of an operator's interest. */
function complaints(app: { log: { lines: string[] } }): string[] {
  return app.log.lines.filter((line) => /^(ERROR|WARN|FATAL)/.test(line));
}

const withParsers: Scenario[] = WAYS_TO_SET_A_PARSER.flatMap(([way, give]) => [
  {
    title: `reads frames with a parser given through ${way}`,
    stock: 'same',
    run: async (world) => {
      const { client } = await enterWithParser(world, give(pipeParser));
      client.send('value|{"event":"parsed","data":[1]}');
      expect(await client.next()).toEqual({ event: 'parsed', data: [1] });
    },
  },
  {
    title: `logs what a parser given through ${way} throws, and goes on`,
    stock: 'same',
    run: async (world) => {
      const { app, client, settle } = await enterWithParser(world, give(pipeParser));
      client.send('value|{no json');
      expect(await settle()).toEqual([]);
      expect(complaints(app)).toHaveLength(1);
      expect(complaints(app)[0]).toMatch(/JSON/);
    },
  },
  {
    title: `drops silently what a parser given through ${way} returns nothing for`,
    stock: 'same',
    run: async (world) => {
      const { app, client, settle } = await enterWithParser(world, give(pipeParser));
      client.send('drop|1');
      expect(await settle()).toEqual([]);
      expect(complaints(app)).toEqual([]);
    },
  },
]);

const scenarios: Scenario[] = [
  {
    title: 'gives an undecorated handler client and data',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([ArgumentsGateway]);
      client.sendEvent('undecorated', { a: [null] });
      expect(await client.nextEvent('arguments')).toEqual({
        canSend: 'function',
        data: { a: [null] },
      });
    },
  },
  {
    title: 'gives a decorated handler what it asks for',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([ArgumentsGateway]);
      client.sendEvent('swapped', 'x');
      expect(await client.nextEvent('arguments')).toEqual({ canSend: 'function', data: 'x' });
      client.sendEvent('picked', { user: 'ann', other: 1 });
      expect(await client.nextEvent('arguments')).toBe('ann');
    },
  },
  {
    title: 'sends what a handler returns or promises',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([ResultsGateway]);
      client.sendEvent('object');
      expect(await client.next()).toEqual({ event: 'object', data: { a: 1 } });
      client.sendEvent('promise');
      expect(await client.next()).toEqual({ event: 'promise', data: 1 });
    },
  },
  {
    title: 'sends each value of an Observable, and an exception for its error',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([ResultsGateway]);
      client.sendEvent('observable');
      expect(await client.frames(3)).toEqual([1, 2, 3].map((data) => ({ event: 'tick', data })));
      client.sendEvent('promised-observable');
      expect(await client.next()).toEqual({ event: 'tick', data: 4 });
      client.sendEvent('failing-observable');
      expect(await client.next()).toEqual({ event: 'tick', data: 5 });
      expect(await client.next()).toMatchObject({ event: 'exception' });
      expect(await client.settle()).toEqual([]);
    },
  },
  {
    title: 'sends nothing for undefined and null',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([ResultsGateway]);
      client.sendEvent('nothing');
      client.sendEvent('value', null);
      client.sendEvent('value');
      expect(await client.settle()).toEqual([]);
    },
  },
  {
    title: 'sends any other value as its JSON',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([ResultsGateway]);
      for (const value of ['text', '', 0, 1.5, false, true, [], [1, null], {}, { data: 1 }]) {
        client.sendEvent('value', value);
        expect(await client.next()).toEqual(value);
      }
    },
  },
  {
    title: 'keeps text as it is, whatever alphabet',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([ResultsGateway]);
      const text = 'é ß 漢 \u2028 \0 " \\ 🚀 \ud800';
      client.sendEvent('echo', text);
      expect(await client.nextEvent('echo')).toBe(text);
    },
  },
  {
    title: 'reads JSON in a binary frame too',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([ResultsGateway]);
      client.send(Buffer.from('{"event":"echo","data":"from bytes"}'));
      expect(await client.next()).toEqual({ event: 'echo', data: 'from bytes' });
    },
  },
  {
    title: 'keeps the order of messages and of their answers',
    stock: 'same',
    run: async (world) => {
      const { client } = await world.enter([ResultsGateway]);
      const numbers = Array.from({ length: 500 }, (_, i) => i);
      for (const i of numbers) client.sendEvent('echo', i);
      const frames = await client.frames(numbers.length);
      expect(frames).toEqual(numbers.map((data) => ({ event: 'echo', data })));
    },
  },
  {
    title: 'drops an event nobody subscribes to, silently',
    stock: 'same',
    run: async (world) => {
      const { app, client } = await world.enter([ResultsGateway]);
      for (const event of ['unknown', '', 'toString', 'constructor', '__proto__']) {
        client.sendEvent(event, 1);
      }
      expect(await client.settle()).toEqual([]);
      expect(complaints(app)).toEqual([]);
    },
  },
  {
    title: 'drops what is no message, silently',
    stock: 'same',
    run: async (world) => {
      const { app, client } = await world.enter([ResultsGateway]);
      for (const raw of ['', 'no json', '{', 'null', '1', '"echo"', '[]', '["echo",1]', '{}']) {
        client.send(raw);
      }
      for (const event of ['null', '1', 'true', '{"a":1}', '["echo"]']) {
        client.send(`{"event":${event},"data":1}`);
      }
      expect(await client.settle()).toEqual([]);
      expect(complaints(app)).toEqual([]);
    },
  },
  {
    title: 'gives each client its own answers',
    stock: 'same',
    run: async (world) => {
      const { app, client } = await world.enter([ResultsGateway]);
      const other = await world.connect(app.url());
      client.sendEvent('echo', 'mine');
      expect(await client.nextEvent('echo')).toBe('mine');
      expect(await other.settle()).toEqual([]);
    },
  },
  {
    title: 'lets a gateway write to all clients of its server',
    stock: 'same',
    run: async (world) => {
      @WebSocketGateway({ path: '/all' })
      class BroadcastingGateway extends Echoing {
        @WebSocketServer() server!: WsServer;

        @SubscribeMessage('all')
        all(@MessageBody() text: string) {
          for (const client of this.server.clients) {
            if (client.readyState === 1) client.send(text);
          }
        }
      }
      @WebSocketGateway({ path: '/elsewhere' })
      class ElsewhereGateway extends Echoing {}

      const { app, client } = await world.enter([BroadcastingGateway, ElsewhereGateway], '/all');
      const second = await world.connect(app.url('/all'));
      const stranger = await world.connect(app.url('/elsewhere'));
      const gone = await world.connect(app.url('/all'));
      await gone.close();
      client.sendEvent('all', 'to all');
      expect(await client.next()).toBe('to all');
      expect(await second.next()).toBe('to all');
      expect(await stranger.settle()).toEqual([]);
    },
  },
  {
    title: 'lets a gateway send text and bytes to a client, and hear its raw frames',
    stock: 'same',
    run: async (world) => {
      @WebSocketGateway()
      class RawGateway implements OnGatewayConnection {
        handleConnection(client: WebSocket) {
          client.send('welcome');
          client.send(Buffer.from([0, 255]));
          client.on('message', (raw: Buffer, isBinary: boolean) =>
            client.send(`${isBinary ? 'bytes' : 'text'} ${raw.toString()}`),
          );
        }
      }
      const { client } = await world.enter([RawGateway]);
      expect(await client.frames(2)).toEqual(['welcome', Buffer.from([0, 255])]);
      client.send('hello');
      expect(await client.next()).toBe('text hello');
      client.send(Buffer.from('hello'));
      expect(await client.next()).toBe('bytes hello');
    },
  },
  {
    title: "lets a gateway hear its server's connections",
    stock: 'same',
    run: async (world) => {
      @WebSocketGateway()
      class ListeningGateway extends Echoing implements OnGatewayInit {
        afterInit(server: WsServer) {
          server.on('connection', (client, request) => client.send(`seen ${request.url}`));
        }
      }
      const { client } = await world.enter([ListeningGateway], '/?a=1');
      expect(await client.next()).toBe('seen /?a=1');
      expect(await client.settle()).toEqual([]);
    },
  },
  ...withParsers,
];

export const messages: ScenarioGroup = { theme: 'messages in and out', scenarios };
