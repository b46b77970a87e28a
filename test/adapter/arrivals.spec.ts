import { describe, expect, it } from '@jest/globals';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import {
  type BackplaneServer,
  BackplaneSocket,
  RedisBackplaneModule,
  type RedisBackplaneOptions,
} from 'nestjs-redis-backplane';

import { closeAfterEach } from '../support/cleanup.js';
import { withDeadline } from '../support/deadline.js';
import { Gate } from '../support/gate.js';
import { type BootedApp, bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { frameBytes, Opcode, RawWsClient } from '../support/raw-ws-client.js';
import { nextTurn, waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';

/** Far beyond what a test takes. */
const LONG_MS = 600_000;
const TRY_AGAIN_LATER = 1013;

@WebSocketGateway({ path: '/x' })
class Gateway {
  @WebSocketServer() server!: BackplaneServer;
  readonly heard: unknown[] = [];
  readonly gone: string[] = [];
  readonly clients: BackplaneSocket[] = [];
  /** What each `handleConnection` does. */
  connecting: (client: BackplaneSocket) => unknown = () => new Promise(() => {});

  handleConnection(client: BackplaneSocket): unknown {
    this.clients.push(client);
    return this.connecting(client);
  }

  handleDisconnect(client: BackplaneSocket): unknown {
    this.gone.push(client.id);
    return undefined;
  }

  @SubscribeMessage('note')
  note(@MessageBody() data: unknown): void {
    this.heard.push(data);
  }

  @SubscribeMessage('echo')
  echo(@ConnectedSocket() client: BackplaneSocket, @MessageBody() data: unknown): unknown {
    return { client: client.id, data };
  }
}

@WebSocketGateway({ path: '/x' })
class Second {
  handleConnection(): Promise<void> {
    return new Promise(() => {});
  }
}

let keys = 0;

describe('A client that waits to be let in', () => {
  const track = closeAfterEach();
  guardProcess();

  async function boot(options: RedisBackplaneOptions = {}, more: (new () => object)[] = []) {
    const app = track(
      await bootApp({
        imports: [
          RedisBackplaneModule.forRoot({
            redis: 'memory',
            eventKeys: `arrivals-${++keys}`,
            ...options,
          }),
        ],
        providers: [Gateway, ...more],
      }),
    );
    const gateway = app.app.get(Gateway);
    const connect = async () => track(await WsClient.connect(app.url('/x')));
    return { app, gateway, connect };
  }

  const upgrade = async (app: BootedApp, firstBytes?: Buffer) =>
    track(await RawWsClient.upgrade(app.port, '/x', firstBytes));
  const note = (i: number | string) => JSON.stringify({ event: 'note', data: i });
  const complaints = (app: BootedApp) => app.log.matching(/^(ERROR|WARN|FATAL)/);

  describe('in vain', () => {
    it('is closed with 1013 and an exception, told to its gateways, and what it sent is dropped', async () => {
      const { app, gateway, connect } = await boot({ connectionTimeoutMs: 300 });
      const client = await connect();
      client.send(note(1));
      expect(await client.awaitClose()).toEqual({
        code: TRY_AGAIN_LATER,
        reason: 'handleConnection took too long',
      });
      expect(client.received).toEqual([
        {
          event: 'exception',
          data: {
            status: 'error',
            message: 'The connection was not accepted in time',
            cause: { pattern: 'handleConnection' },
          },
        },
      ]);
      await waitFor('handleDisconnect', () => gateway.gone.length === 1);
      expect(gateway.heard).toEqual([]);
      expect(gateway.server.clients.size).toBe(0);
      expect(complaints(app)).toEqual([
        expect.stringMatching(/^WARN .*Gateway.* 300 ms.*1013.*"connectionTimeoutMs"/),
      ]);
    });

    it('costs one line in the log, however many there are', async () => {
      const { app, connect } = await boot({ connectionTimeoutMs: 100 });
      const clients = await Promise.all(Array.from({ length: 20 }, connect));
      for (const client of clients) expect((await client.awaitClose()).code).toBe(TRY_AGAIN_LATER);
      expect(complaints(app)).toHaveLength(1);
    });

    it('waits for all gateways together, and names the one that does not end', async () => {
      const { app, gateway, connect } = await boot({ connectionTimeoutMs: 300 }, [Second]);
      gateway.connecting = () => {};
      const client = await connect();
      expect((await client.awaitClose()).code).toBe(TRY_AGAIN_LATER);
      await waitFor('handleDisconnect', () => gateway.gone.length === 1);
      expect(complaints(app)).toEqual([expect.stringMatching(/handleConnection of Second has/)]);
    });

    it('is not kept when it leaves: its gateways are told at the deadline', async () => {
      const { gateway, connect } = await boot({ connectionTimeoutMs: 500 });
      const client = await connect();
      client.send(note(1));
      await client.close();
      await waitFor('the end', () => gateway.server.clients.size === 0);
      await waitFor('handleDisconnect', () => gateway.gone.length === 1);
      expect(gateway.heard).toEqual([]);
    });

    it('ends soon after the deadline, though it reads nothing, and answers no close frame', async () => {
      const { app, gateway } = await boot({ connectionTimeoutMs: 100, heartbeat: false });
      const client = await upgrade(app);
      client.stopReading();
      for (let i = 0; i < 200; i++) client.frame({ opcode: Opcode.text, payload: note(i) });
      await waitFor('the end', () => gateway.gone.length === 1);
      expect(gateway.server.clients.size).toBe(0);
      expect(gateway.heard).toEqual([]);
    });

    it('may be let in late, with no effect', async () => {
      const { gateway, connect } = await boot({ connectionTimeoutMs: 100 });
      const late = new Gate();
      gateway.connecting = () => late.opened;
      const client = await connect();
      client.send(note(1));
      expect((await client.awaitClose()).code).toBe(TRY_AGAIN_LATER);
      late.open();
      await waitFor('handleDisconnect', () => gateway.gone.length === 1);
      await nextTurn(3);
      expect([gateway.heard, gateway.gone.length]).toEqual([[], 1]);
    });

    it('does not hold up the end of the app, and its gateways are told', async () => {
      const { app, gateway, connect } = await boot({ connectionTimeoutMs: LONG_MS });
      const [stays, goes] = [await connect(), await connect()];
      stays.send(note(1));
      goes.send(note(2));
      await goes.close();
      await waitFor('one to be gone', () => gateway.server.clients.size === 1);
      await withDeadline(app.close(), 'the app to close');
      expect((await stays.closed).code).toBe(1001);
      expect(gateway.gone).toHaveLength(2);
      expect(gateway.heard).toEqual([]);
      expect(complaints(app)).toEqual([]);
    });

    it('is refused in plain words, without a stack, where it asked for too many rooms', async () => {
      const { app, gateway, connect } = await boot({ limits: { rooms: 2 } });
      gateway.connecting = (client) => client.join('a', 'b', 'c');
      const client = await connect();
      expect((await client.awaitClose()).code).toBe(1011);
      expect(client.received).toMatchObject([
        { event: 'exception', data: { message: expect.stringMatching(/at most 2 rooms/) } },
      ]);
      const lines = complaints(app);
      expect(lines).toEqual([expect.stringMatching(/^WARN .*at most 2 rooms/)]);
      expect(lines[0]).not.toMatch(/\n/);
    });
  });

  describe('and is asked by its own handleConnection', () => {
    const answerAll = (client: WsClient, data: unknown) => {
      client.socket.on('message', (text: Buffer) => {
        const { event, id } = JSON.parse(text.toString()) as { event?: string; id?: unknown };
        if (event === 'who?') client.send(JSON.stringify({ id, data }));
      });
    };

    it.each([0, 1, 63, 64, 500])(
      'answers past %d messages, which keep their order',
      async (before) => {
        const { gateway, connect } = await boot({ connectionTimeoutMs: LONG_MS });
        const [mayAsk, answered] = [new Gate(), new Gate<unknown>()];
        gateway.connecting = async (client) => {
          await mayAsk.opened;
          answered.open(await client.request('who?', undefined, { timeoutMs: LONG_MS }));
        };
        const client = await connect();
        answerAll(client, 'ann');
        const all = Array.from({ length: before }, (_, i) => i);
        for (const i of all) client.send(note(i));
        // The socket is paused by now, where there are enough.
        if (before >= 64) {
          const [socket] = gateway.clients;
          await waitFor('the pause', () => socket!.raw.isPaused);
        }
        mayAsk.open();
        expect(await withDeadline(answered.opened, 'the answer')).toBe('ann');
        client.send(note('last'));
        await waitFor('all messages', () => gateway.heard.length === before + 1);
        expect(gateway.heard).toEqual([...all, 'last']);
      },
    );

    it('answers a question of another, too, and only that passes', async () => {
      const { gateway, connect } = await boot({ connectionTimeoutMs: LONG_MS });
      const end = new Gate();
      gateway.connecting = () => end.opened;
      const client = await connect();
      answerAll(client, 'ann');
      client.send(JSON.stringify({ id: 99, data: 'never asked' }));
      client.send(note(1));
      const { answers } = await gateway.server.emitWithAck('who?');
      expect(answers).toMatchObject([{ data: 'ann' }]);
      expect(gateway.heard).toEqual([]);
      end.open();
      await waitFor('the message', () => gateway.heard.length === 1);
    });

    it('is read no further than some 1,024 messages, and is let go by the deadline of the question', async () => {
      const { gateway, connect } = await boot({ connectionTimeoutMs: LONG_MS });
      gateway.connecting = (client) => client.request('who?', undefined, { timeoutMs: 3_000 });
      const client = await connect();
      const many = note('x'.repeat(1_000));
      for (let i = 0; i < 5_000; i++) client.send(many);
      answerAll(client, 'too late');
      const [socket] = gateway.clients;
      await waitFor('the pause', () => socket!.raw.isPaused);
      expect((await client.awaitClose()).code).toBe(1011);
      expect(gateway.heard).toEqual([]);
    });

    it('is heard by pongs, and by messages that a parser of the app reads', async () => {
      let parsed = 0;
      const { gateway, connect } = await boot({
        connectionTimeoutMs: LONG_MS,
        messageParser: (data) => {
          parsed++;
          return JSON.parse(String(data)) as { event: string };
        },
      });
      const [mayAsk, end] = [new Gate(), new Gate()];
      let pongs = 0;
      gateway.connecting = async (client) => {
        client.on('pong', () => pongs++).ping();
        await mayAsk.opened;
        await client.request('who?');
        await end.opened;
      };
      const client = await connect();
      client.send('no JSON');
      answerAll(client, 'ann');
      mayAsk.open();
      await waitFor('the pong', () => pongs === 1);
      end.open();
      client.send(note(1));
      await waitFor('the message', () => gateway.heard.length === 1);
      expect(parsed).toBeGreaterThan(0);
    });
  });

  describe('with a socket that is paused', () => {
    // It answers no ping: it has to be paused when the first one is due.
    const BEAT = { intervalMs: 100, timeoutMs: 100 };
    const NOTES = Buffer.concat(
      Array.from({ length: 100 }, (_, i) => frameBytes({ opcode: Opcode.text, payload: note(i) })),
    );

    it('is missed when it has gone, long before the deadline', async () => {
      const { app, gateway } = await boot({ connectionTimeoutMs: LONG_MS, heartbeat: BEAT });
      const client = await upgrade(app, NOTES);
      await waitFor('the pause', () => gateway.clients[0]?.raw.isPaused);
      client.frame({ opcode: Opcode.close });
      client.socket.destroy();
      await waitFor('the end', () => gateway.server.clients.size === 0);
    });

    it('stays while it is there, and is let in as ever', async () => {
      const { app, gateway } = await boot({ connectionTimeoutMs: LONG_MS, heartbeat: BEAT });
      const end = new Gate();
      gateway.connecting = () => end.opened;
      const client = await upgrade(app, NOTES);
      await waitFor('the pause', () => gateway.clients[0]?.raw.isPaused);
      const pings = () => client.received.filter((byte) => byte === 0x89).length;
      const before = pings();
      await waitFor('pings', () => pings() >= before + 3);
      expect(gateway.server.clients.size).toBe(1);
      end.open();
      await waitFor('all messages', () => gateway.heard.length === 100);
    });

    it.each(['has gone', 'is there'])('by the app, and %s', async (how) => {
      const { app, gateway } = await boot({ heartbeat: BEAT });
      gateway.connecting = (client) => client.raw.pause();
      const client = await upgrade(app);
      await waitFor('the client', () => gateway.clients.length === 1);
      const [socket] = gateway.clients;
      if (how === 'has gone') {
        client.socket.destroy();
        await waitFor('the end', () => gateway.gone.length === 1);
        return;
      }
      const pings = () => client.received.filter((byte) => byte === 0x89).length;
      await waitFor('pings', () => pings() >= 4);
      expect(gateway.gone).toEqual([]);
      socket!.raw.resume();
      client.frame({ opcode: Opcode.text, payload: note(1) });
      await waitFor('the message', () => gateway.heard.length === 1);
      expect(gateway.gone).toEqual([]);
    });
  });
});
