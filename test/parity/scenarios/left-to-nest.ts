import { type CanActivate, Inject, Injectable, Scope } from '@nestjs/common';
import { APP_GUARD, ContextIdFactory, ModuleRef, REQUEST } from '@nestjs/core';
import { expect } from '@jest/globals';
import {
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  WebSocketGateway,
} from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { Gate } from '../../support/gate.js';
import { nextTurn, waitFor } from '../../support/wait-for.js';
import { Echoing } from '../echoing.gateway.js';
import { hasContext } from '../request-context.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';

@Injectable({ scope: Scope.REQUEST })
class ConnectionState {
  constructor(@Inject(REQUEST) readonly client: WebSocket) {}
}

@Injectable()
class DenyingGuard implements CanActivate {
  constructor(@Inject(REQUEST) readonly client: WebSocket) {}

  canActivate() {
    return false;
  }
}

/**
 * What happens above any adapter, in Nest itself, and is not as one would wish. A row that fails
 * says that Nest has changed: then its wish moves to another group.
 */
const scenarios: Scenario[] = [
  {
    title: 'calls afterInit of a request-scoped gateway once, at boot, without its dependencies',
    stock: 'same',
    run: async (world) => {
      const calls: boolean[] = [];
      @WebSocketGateway()
      class ScopedInitGateway extends Echoing implements OnGatewayInit {
        constructor(@Inject(ConnectionState) readonly state: ConnectionState) {
          super();
        }
        afterInit() {
          calls.push(this.state !== undefined);
        }
      }
      const { app, client } = await world.enter([ConnectionState, ScopedInitGateway]);
      await client.settle();
      await (await world.connect(app.url())).settle();
      expect(calls).toEqual([false]);
    },
  },
  ...[Scope.REQUEST, Scope.TRANSIENT].map((scope): Scenario => ({
    title: `runs no ${Scope[scope].toLowerCase()}-scoped global guard before a singleton gateway`,
    stock: 'same',
    run: async (world) => {
      @WebSocketGateway()
      class SingletonGateway extends Echoing {}
      const { client } = await world.enter([
        SingletonGateway,
        { provide: APP_GUARD, useClass: DenyingGuard, scope },
      ]);
      client.sendEvent('echo', 1);
      expect(await client.next()).toEqual({ event: 'echo', data: 1 });
    },
  })),
  {
    title: 'ends the context of a client with its first handleDisconnect, though a second one runs',
    stock: 'same',
    since: 12,
    run: async (world) => {
      const gate = new Gate();
      const seen = {
        client: undefined as WebSocket | undefined,
        ready: 0,
        fastDone: false,
        slowStarted: false,
        slowDone: false,
        sameState: false,
      };
      @WebSocketGateway()
      class FastGateway implements OnGatewayConnection, OnGatewayDisconnect {
        constructor(@Inject(ConnectionState) readonly state: ConnectionState) {}
        handleConnection() {
          seen.ready++;
        }
        handleDisconnect() {
          seen.fastDone = true;
        }
      }
      @WebSocketGateway()
      class SlowGateway implements OnGatewayConnection, OnGatewayDisconnect {
        constructor(
          @Inject(ConnectionState) readonly state: ConnectionState,
          @Inject(ModuleRef) readonly moduleRef: ModuleRef,
        ) {}
        handleConnection(client: WebSocket) {
          seen.ready++;
          seen.client = client;
        }
        async handleDisconnect(client: WebSocket) {
          seen.slowStarted = true;
          await gate.opened;
          const contextId = ContextIdFactory.getByRequest(client);
          const state = await this.moduleRef
            .resolve(ConnectionState, contextId, { strict: false })
            .catch(() => undefined);
          seen.sameState = state === this.state;
          seen.slowDone = true;
        }
      }
      const { client } = await world.enter([ConnectionState, FastGateway, SlowGateway]);
      await waitFor('both gateways', () => seen.ready === 2);
      await client.close();
      await waitFor('the goodbyes', () => seen.fastDone && seen.slowStarted);
      await nextTurn(2);
      expect(hasContext(seen.client!)).toBe(false);
      gate.open();
      await waitFor('the slow goodbye', () => seen.slowDone);
      expect(seen.sameState).toBe(false);
    },
  },
];

export const leftToNest: ScenarioGroup = { theme: 'left to Nest', scenarios };
