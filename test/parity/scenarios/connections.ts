import type { IncomingMessage } from 'node:http';
import { expect } from '@jest/globals';
import {
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { Gate } from '../../support/gate.js';
import { waitFor } from '../../support/wait-for.js';
import { Echoing } from '../echoing.gateway.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';
import { toldReason } from '../target.js';
import type { World } from '../world.js';

/** A gateway whose hooks and handler tell what they were called with, in order. */
function recordingGateway(path = '/') {
  const calls: string[] = [];

  @WebSocketGateway({ path })
  class RecordingGateway extends Echoing implements OnGatewayConnection, OnGatewayDisconnect {
    onModuleInit() {
      calls.push('onModuleInit');
    }

    onApplicationBootstrap() {
      calls.push('onApplicationBootstrap');
    }

    afterInit(server: { on: unknown }) {
      calls.push(`afterInit ${typeof server.on}`);
    }

    handleConnection(client: WebSocket, request: IncomingMessage) {
      calls.push(`handleConnection ${request.url} ${request.headers['x-name'] as string}`);
      client.send('"welcome"');
    }

    handleDisconnect(client: WebSocket, reason: unknown) {
      calls.push(`handleDisconnect ${client.readyState} ${String(reason)}`);
    }

    @SubscribeMessage('note')
    note(@MessageBody() text: string) {
      calls.push(text);
    }
  }
  return { RecordingGateway, calls };
}

/** A gateway whose `handleConnection` fails for clients that ask for it, in the way given. */
function failingGateway(fail: () => unknown) {
  @WebSocketGateway()
  class FailingOnConnectionGateway extends Echoing implements OnGatewayConnection {
    handleConnection(_client: WebSocket, request: IncomingMessage): unknown {
      return request.url === '/?fail' ? fail() : undefined;
    }
  }
  return FailingOnConnectionGateway;
}

const unauthorized = () => new WsException('Unauthorized');

const FAILURES: { how: string; fail: () => unknown; message: string; fatal: string }[] = [
  {
    how: 'throws',
    fail: () => {
      throw unauthorized();
    },
    message: 'Unauthorized',
    fatal: 'uncaughtException',
  },
  {
    how: 'rejects',
    fail: () => Promise.reject(unauthorized()),
    message: 'Unauthorized',
    fatal: 'unhandledRejection',
  },
  {
    how: 'throws an unexpected error',
    fail: () => {
      throw new Error('a secret of the server');
    },
    message: 'Internal server error',
    fatal: 'uncaughtException',
  },
  {
    how: 'rejects with an unexpected error',
    fail: () => Promise.reject(new Error('a secret of the server')),
    message: 'Internal server error',
    fatal: 'unhandledRejection',
  },
];

const hookErrors: Scenario[] = FAILURES.map(({ how, fail, message, fatal }) => ({
  title: `sends an exception, closes with 1011 and logs it when handleConnection ${how}`,
  stock: {
    differs: `the process dies of an ${fatal}; else the client would be served on`,
    run: async (world) => {
      const app = await world.boot({ providers: [failingGateway(fail)] });
      const client = await world.connect(app.url('/?fail'));
      expect(await client.settle()).toEqual([]);
      expect(await world.guard.takeFatalErrors()).toMatchObject([{ kind: fatal }]);
    },
  },
  run: async (world) => {
    const app = await world.boot({ providers: [failingGateway(fail)] });
    const healthy = await world.connect(app.url());
    const client = await world.connect(app.url('/?fail'));
    expect(await client.awaitClose()).toMatchObject({ code: 1011 });
    expect(client.received).toEqual([
      {
        event: 'exception',
        data: { status: 'error', message, cause: { pattern: 'handleConnection' } },
      },
    ]);
    expect(app.log.matching(/^(ERROR|WARN)/)).toHaveLength(1);
    expect(await healthy.settle()).toEqual([]);
  },
}));

/**
 * A client that talks while its async `handleConnection` is still at work. Resolves when its
 * messages would long have been handled, if nothing held them back.
 */
async function talkDuringHandleConnection(world: World) {
  const calls: string[] = [];
  const gate = new Gate();

  @WebSocketGateway()
  class SlowGateway extends Echoing implements OnGatewayConnection {
    async handleConnection(_client: WebSocket, request: IncomingMessage) {
      if (request.url !== '/?slow') return;
      await gate.opened;
      calls.push('connected');
    }

    @SubscribeMessage('note')
    note(@MessageBody() text: string) {
      calls.push(text);
    }
  }
  const app = await world.boot({ providers: [SlowGateway] });
  const client = await world.connect(app.url('/?slow'));
  const other = await world.connect(app.url());
  for (const text of ['a', 'b', 'c']) client.sendEvent('note', text);
  for (let i = 0; i < 5; i++) await other.settle();
  return { client, calls, gate };
}

const scenarios: Scenario[] = [
  {
    title: 'calls afterInit, module hooks, handleConnection, handlers, handleDisconnect in order',
    stock: 'same',
    run: async (world) => {
      const { RecordingGateway, calls } = recordingGateway();
      const app = await world.boot({ providers: [RecordingGateway] });
      const client = await world.connect(app.url('/?a=1'), { headers: { 'x-name': 'ann' } });
      expect(await client.next()).toBe('welcome');
      client.sendEvent('note', 'a message');
      await client.settle();
      await client.close(4001, 'enough');
      await waitFor('handleDisconnect', () => calls.length === 6);
      expect(calls).toEqual([
        'afterInit function',
        'onModuleInit',
        'onApplicationBootstrap',
        'handleConnection /?a=1 ann',
        'a message',
        `handleDisconnect 3 ${toldReason(4001)}`,
      ]);
    },
  },
  {
    title: 'calls the hooks of every gateway that shares a path, once a client',
    stock: 'same',
    run: async (world) => {
      const first = recordingGateway('/shared');
      const second = recordingGateway('/shared');
      const elsewhere = recordingGateway('/elsewhere');
      const app = await world.boot({
        providers: [first.RecordingGateway, second.RecordingGateway, elsewhere.RecordingGateway],
      });
      for (let i = 0; i < 2; i++) {
        const client = await world.connect(app.url('/shared'), { headers: { 'x-name': `${i}` } });
        expect(await client.frames(2)).toEqual(['welcome', 'welcome']);
        await client.close(4000 + i);
      }
      for (const { calls } of [first, second]) {
        await waitFor('handleDisconnect', () => calls.length === 7);
        expect(calls.slice(3)).toEqual([
          'handleConnection /shared 0',
          `handleDisconnect 3 ${toldReason(4000)}`,
          'handleConnection /shared 1',
          `handleDisconnect 3 ${toldReason(4001)}`,
        ]);
      }
      expect(elsewhere.calls).toHaveLength(3);
    },
  },
  {
    title: 'gives hooks and handlers of one connection the same client object',
    stock: 'same',
    run: async (world) => {
      const seen: object[] = [];
      @WebSocketGateway()
      class IdentityGateway implements OnGatewayConnection, OnGatewayDisconnect {
        handleConnection(client: WebSocket & { name?: string }) {
          client.name = 'mine';
          seen.push(client);
        }
        handleDisconnect(client: WebSocket) {
          seen.push(client);
        }
        @SubscribeMessage('name')
        name(client: WebSocket & { name?: string }) {
          seen.push(client);
          return { event: 'name', data: client.name };
        }
      }
      const { client } = await world.enter([IdentityGateway]);
      client.sendEvent('name');
      expect(await client.nextEvent('name')).toBe('mine');
      await client.close();
      await waitFor('handleDisconnect', () => seen.length === 3);
      expect(new Set(seen).size).toBe(1);
    },
  },
  {
    title: 'tells handleDisconnect 1006 when the client vanishes',
    stock: 'same',
    since: 12,
    run: async (world) => {
      const { RecordingGateway, calls } = recordingGateway();
      const { client } = await world.enter([RecordingGateway]);
      await client.next();
      await client.terminate();
      await waitFor('handleDisconnect', () => calls.includes('handleDisconnect 3 1006'));
    },
  },
  {
    title: 'lets a gateway close a client with a code and a reason',
    stock: 'same',
    run: async (world) => {
      @WebSocketGateway()
      class ClosingGateway {
        @SubscribeMessage('bye')
        bye(client: WebSocket) {
          client.close(4321, 'as you wish');
        }
      }
      const { client } = await world.enter([ClosingGateway]);
      client.sendEvent('bye');
      expect(await client.awaitClose()).toEqual({ code: 4321, reason: 'as you wish' });
    },
  },
  {
    title: 'sends nothing to a client that left before its answer was ready',
    stock: 'same',
    run: async (world) => {
      const gate = new Gate();
      let started = false;
      let left = false;
      @WebSocketGateway()
      class SlowAnswerGateway extends Echoing implements OnGatewayDisconnect {
        @SubscribeMessage('slow')
        async slow() {
          started = true;
          await gate.opened;
          return { event: 'slow', data: 1 };
        }
        handleDisconnect() {
          left = true;
        }
      }
      const { app, client } = await world.enter([SlowAnswerGateway]);
      client.sendEvent('slow');
      await waitFor('the handler to start', () => started);
      await client.terminate();
      await waitFor('the disconnection', () => left);
      gate.open();
      const other = await world.connect(app.url());
      expect(await other.settle()).toEqual([]);
      expect(app.log.matching(/^(ERROR|WARN)/)).toEqual([]);
    },
  },
  {
    title: 'keeps messages, in order, until an async handleConnection is done',
    stock: {
      differs: 'it handles them before handleConnection is done',
      run: async (world) => {
        const { calls, gate } = await talkDuringHandleConnection(world);
        expect(calls).toEqual(['a', 'b', 'c']);
        gate.open();
        await waitFor('the hook', () => calls.length === 4);
      },
    },
    run: async (world) => {
      const { client, calls, gate } = await talkDuringHandleConnection(world);
      expect(calls).toEqual([]);
      gate.open();
      await client.settle();
      expect(calls).toEqual(['connected', 'a', 'b', 'c']);
    },
  },
  {
    title: 'keeps messages until every gateway of the path is ready',
    stock: {
      differs: 'it handles them before',
      run: async (world) => {
        const { calls, client } = await talkToTwoGateways(world);
        await client.settle();
        expect(calls).toEqual(['first handled']);
      },
    },
    run: async (world) => {
      const { calls, client, gate } = await talkToTwoGateways(world);
      expect(calls).toEqual([]);
      gate.open();
      await client.settle();
      expect(calls).toEqual(['second connected', 'first handled']);
    },
  },
  ...hookErrors,
  {
    title: 'logs what handleDisconnect rejects with, and the process lives',
    stock: {
      differs: 'the process dies of an unhandledRejection',
      run: async (world) => {
        await failOnDisconnect(world);
        await waitFor('the rejection', () => world.guard.fatalErrors.length > 0);
        expect(await world.guard.takeFatalErrors()).toMatchObject([{ kind: 'unhandledRejection' }]);
      },
    },
    run: async (world) => {
      const app = await failOnDisconnect(world);
      await waitFor('the line', () => app.log.matching('left badly').length > 0);
      expect(app.log.matching('left badly')).toHaveLength(1);
    },
  },
];

/** A message to the first of two gateways while the second one's `handleConnection` is at work. */
async function talkToTwoGateways(world: World) {
  const calls: string[] = [];
  const gate = new Gate();

  @WebSocketGateway()
  class FirstGateway extends Echoing implements OnGatewayConnection {
    handleConnection() {}

    @SubscribeMessage('note')
    note() {
      calls.push('first handled');
    }
  }
  @WebSocketGateway()
  class SecondGateway implements OnGatewayConnection {
    async handleConnection(_client: WebSocket, request: IncomingMessage) {
      if (request.url !== '/?slow') return;
      await gate.opened;
      calls.push('second connected');
    }
  }
  const app = await world.boot({ providers: [FirstGateway, SecondGateway] });
  const client = await world.connect(app.url('/?slow'));
  const other = await world.connect(app.url());
  client.sendEvent('note');
  for (let i = 0; i < 5; i++) await other.settle();
  return { client, calls, gate };
}

async function failOnDisconnect(world: World) {
  @WebSocketGateway()
  class FailingOnDisconnectGateway implements OnGatewayDisconnect {
    async handleDisconnect() {
      await Promise.resolve();
      throw new Error('left badly');
    }
  }
  const { app, client } = await world.enter([FailingOnDisconnectGateway]);
  await client.close();
  return app;
}

export const connections: ScenarioGroup = { theme: 'connections and their hooks', scenarios };
