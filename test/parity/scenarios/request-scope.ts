import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  Scope,
  UseGuards,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { expect } from '@jest/globals';
import {
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { waitFor } from '../../support/wait-for.js';
import { hasContext } from '../request-context.js';
import { Echoing } from '../echoing.gateway.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';
import type { World } from '../world.js';

@Injectable({ scope: Scope.REQUEST })
class ConnectionState {
  static instances = 0;
  readonly instance = ++ConnectionState.instances;
  sequence = 0;

  constructor(@Inject(REQUEST) readonly client: WebSocket) {}
}

/** Lets through what is not forbidden, to the client that it was made for. */
@Injectable({ scope: Scope.REQUEST })
class ScopedGuard implements CanActivate {
  constructor(@Inject(REQUEST) private readonly client: WebSocket) {}

  canActivate(context: ExecutionContext) {
    const ws = context.switchToWs();
    return ws.getClient<WebSocket>() === this.client && ws.getPattern() !== 'forbidden';
  }
}

@WebSocketGateway()
class ScopedGateway implements OnGatewayConnection, OnGatewayDisconnect {
  static readonly left: { client: WebSocket; hadContext: boolean; instance: number }[] = [];

  constructor(@Inject(ConnectionState) private readonly state: ConnectionState) {}

  handleConnection(client: WebSocket) {
    client.send(JSON.stringify({ event: 'connected', data: this.report(client) }));
  }

  handleDisconnect(client: WebSocket) {
    const { instance } = this.state;
    ScopedGateway.left.push({ client, hadContext: hasContext(client), instance });
  }

  @SubscribeMessage('state')
  answer(client: WebSocket) {
    return { event: 'state', data: this.report(client) };
  }

  private report(client: WebSocket) {
    const { instance } = this.state;
    return { instance, sequence: ++this.state.sequence, isMine: this.state.client === client };
  }
}

type Report = { instance: number; sequence: number; isMine: boolean };

/** A request-scoped gateway whose `handleConnection` fails. */
function failingScopedGateway(fail: () => unknown) {
  @WebSocketGateway()
  class FailingScopedGateway extends Echoing implements OnGatewayConnection {
    constructor(@Inject(ConnectionState) readonly state: ConnectionState) {
      super();
    }

    handleConnection(): unknown {
      return fail();
    }
  }
  return FailingScopedGateway;
}

async function seeConnectionFail(world: World, fail: () => unknown) {
  const app = await world.boot({ providers: [ConnectionState, failingScopedGateway(fail)] });
  const client = await world.connect(app.url());
  expect(await client.awaitClose()).toMatchObject({ code: 1011 });
  expect(client.received).toEqual([
    {
      event: 'exception',
      data: {
        status: 'error',
        message: 'Unauthorized',
        cause: { pattern: 'handleConnection' },
      },
    },
  ]);
}

const throwIt = () => {
  throw new WsException('Unauthorized');
};
const rejectIt = () => Promise.reject(new WsException('Unauthorized'));

const scenarios: Scenario[] = [
  {
    title: 'gives each connection providers of its own, the same in hooks and messages',
    stock: 'same',
    since: 12,
    run: async (world) => {
      const app = await world.boot({ providers: [ConnectionState, ScopedGateway] });
      const first = await world.connect(app.url());
      const a = await first.nextEvent<Report>('connected');
      expect(a).toMatchObject({ sequence: 1, isMine: true });
      first.sendEvent('state');
      expect(await first.nextEvent('state')).toEqual({ ...a, sequence: 2 });

      const second = await world.connect(app.url());
      const b = await second.nextEvent<Report>('connected');
      expect(b).toMatchObject({ sequence: 1, isMine: true });
      expect(b.instance).not.toBe(a.instance);
      second.sendEvent('state');
      expect(await second.nextEvent('state')).toEqual({ ...b, sequence: 2 });
      first.sendEvent('state');
      expect(await first.nextEvent('state')).toEqual({ ...a, sequence: 3 });
    },
  },
  {
    title: 'keeps the context through handleDisconnect, and cleans it up afterwards',
    stock: 'same',
    since: 12,
    run: async (world) => {
      const { client } = await world.enter([ConnectionState, ScopedGateway]);
      const { instance } = await client.nextEvent<Report>('connected');
      await client.close();
      const left = await waitFor('handleDisconnect', () =>
        ScopedGateway.left.find((one) => one.instance === instance),
      );
      expect(left.hadContext).toBe(true);
      await waitFor('the clean-up', () => !hasContext(left.client));
    },
  },
  {
    title: "runs a gateway's own request-scoped guard, with the client as its request",
    stock: 'same',
    run: async (world) => {
      @UseGuards(ScopedGuard)
      @WebSocketGateway()
      class ScopedGuardGateway extends Echoing {
        @SubscribeMessage('forbidden')
        forbidden() {}
      }
      const { client } = await world.enter([ScopedGuardGateway]);
      client.sendEvent('forbidden');
      expect(await client.next()).toMatchObject({
        event: 'exception',
        data: { message: 'Forbidden resource' },
      });
      expect(await client.settle()).toEqual([]);
    },
  },
  {
    title: 'sends an exception and closes with 1011 when a scoped handleConnection throws',
    stock: {
      differs:
        "it sends the whole request object as the exception's cause, and serves the client on",
      run: async (world) => {
        const { client } = await world.enter([ConnectionState, failingScopedGateway(throwIt)]);
        expect(await client.next()).toMatchObject({
          event: 'exception',
          data: { message: 'Unauthorized', cause: { pattern: { socket: expect.anything() } } },
        });
        expect(await client.settle()).toEqual([]);
      },
    },
    run: (world) => seeConnectionFail(world, throwIt),
  },
  {
    title: 'sends an exception and closes with 1011 when a scoped handleConnection rejects',
    stock: {
      differs: 'the process dies of an unhandledRejection',
      run: async (world) => {
        await world.enter([ConnectionState, failingScopedGateway(rejectIt)]);
        await waitFor('the fatal error', () => world.guard.fatalErrors.length > 0);
        expect(await world.guard.takeFatalErrors()).toMatchObject([{ kind: 'unhandledRejection' }]);
      },
    },
    run: (world) => seeConnectionFail(world, rejectIt),
  },
  {
    title: 'calls a hook that is an arrow function in a property, and answers at once',
    stock: 'same',
    since: 12,
    run: async (world) => {
      @WebSocketGateway()
      @Injectable({ scope: Scope.REQUEST })
      class ArrowGateway extends Echoing implements OnGatewayConnection {
        handleConnection = (client: WebSocket) => {
          client.send(`"welcome to ${this.constructor.name}"`);
        };
      }
      const { client } = await world.enter([ArrowGateway]);
      expect(await client.next()).toBe('welcome to ArrowGateway');
      expect(await client.settle()).toEqual([]);
    },
  },
];

export const requestScope: ScenarioGroup = { theme: 'request-scoped gateways', scenarios };
