import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect } from '@jest/globals';
import {
  ConnectedSocket,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { createWebSocketStream, type WebSocket, type WebSocketServer as Server } from 'ws';
import { waitFor } from '../../support/wait-for.js';
import { Echoing } from '../echoing.gateway.js';
import type { Scenario, ScenarioGroup } from '../scenario.js';

/** Frames of clients must be masked. */
const UNMASKED_TEXT = Buffer.from([0x81, 0x01, 0x41]);

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
    handleConnection(client: WebSocket) {
      act(client);
    }
  }
  return ActingGateway;
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
    title: 'tells what was set as onerror of a frame that breaks the protocol',
    stock: 'same',
    run: async (world) => {
      const seen: unknown[] = [];
      const Gateway = gatewayThat((client) => {
        // oxlint-disable-next-line unicorn/prefer-add-event-listener -- gateways write it so
        client.onerror = function ({ type, error, target }) {
          const { code } = error as { code: string };
          seen.push([type, code, target === client, (this as unknown) === client]);
        };
      });
      const { client } = await world.enter([Gateway]);
      await client.settle();
      const { _socket: stream } = client.socket as WebSocket & { _socket: Socket };
      stream.write(UNMASKED_TEXT);
      expect((await client.awaitClose()).code).toBe(1002);
      expect(seen).toEqual([['error', 'WS_ERR_EXPECTED_MASK', true, true]]);
    },
  },
  {
    title: 'can be made a stream by ws, which reads and answers',
    stock: 'same',
    run: async (world) => {
      const Gateway = gatewayThat((client) => {
        const stream = createWebSocketStream(client, { encoding: 'utf8', decodeStrings: false });
        stream.on('error', () => {});
        stream.on('data', (text: string) => stream.write(JSON.stringify({ event: text })));
      });
      const { client } = await world.enter([Gateway]);
      client.send('"piped"');
      expect(await client.frames(1)).toEqual([{ event: '"piped"' }]);
    },
  },
];

export const clientMembers: ScenarioGroup = { theme: 'members of the ws client', scenarios };
