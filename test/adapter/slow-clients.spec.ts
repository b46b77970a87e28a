import { once } from 'node:events';

import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocketGateway, WebSocketServer as InjectServer } from '@nestjs/websockets';
import {
  Backplane,
  type BackplaneServer,
  type BackplaneSocket,
  RedisBackplaneModule,
  type SlowClientPolicy,
} from 'nestjs-redis-backplane';
import { WebSocket } from 'ws';

import { bootApp, type BootedApp } from '../support/nest-app.js';

const MESSAGE = 'x'.repeat(64 * 1024);
const LIMIT_BYTES = 256 * 1024;

@WebSocketGateway({ path: '/x' })
class Gateway {
  @InjectServer() server!: BackplaneServer;
}

describe('a client that does not read', () => {
  let app: BootedApp | undefined;
  const sockets: WebSocket[] = [];

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate();
    await app?.close();
    app = undefined;
  });

  const boot = async (
    slowClient: SlowClientPolicy,
    limits: { bufferLimitBytes: number; totalBufferLimitBytes?: number } = {
      bufferLimitBytes: LIMIT_BYTES,
    },
  ): Promise<BackplaneServer> => {
    app = await bootApp({
      imports: [
        RedisBackplaneModule.forRoot({
          redis: 'memory',
          eventKeys: `slow-${Math.random()}`,
          slowClient,
          ...limits,
        }),
      ],
      providers: [Gateway],
    });
    return app.app.get(Gateway).server;
  };

  /** A client, and its other end in the app. */
  const connect = async (server: BackplaneServer): Promise<[WebSocket, BackplaneSocket]> => {
    const arrived = new Promise<BackplaneSocket>((resolve) => server.once('connection', resolve));
    const socket = new WebSocket(app!.url('/x'));
    sockets.push(socket);
    await once(socket, 'open');
    return [socket, await arrived];
  };

  /** Broadcasts, and each time waits until a client that reads has got it. */
  const broadcastUntil = async (
    server: BackplaneServer,
    reader: WebSocket,
    done: () => boolean,
  ): Promise<number> => {
    let sent = 0;
    while (!done()) {
      const got = once(reader, 'message');
      server.emit('e', MESSAGE);
      sent++;
      await got;
      if (sent > 2_000) throw new Error('2,000 messages of 64 KiB changed nothing');
    }
    return sent;
  };

  it('is closed with 4408, and delays nobody', async () => {
    const server = await boot('disconnect');
    const [slow, atServer] = await connect(server);
    const [reader] = await connect(server);
    slow.pause();
    await broadcastUntil(server, reader, () => atServer.readyState !== WebSocket.OPEN);
    expect(app!.app.get(Backplane).stats()).toMatchObject({ slowDisconnects: 1, dropped: 0 });
    expect(atServer.bufferedAmount).toBeLessThan(LIMIT_BYTES + 2 * MESSAGE.length);
    const closed = once(slow, 'close');
    slow.resume();
    expect((await closed)[0]).toBe(4408);
    expect(reader.readyState).toBe(WebSocket.OPEN);
  });

  it("misses messages with slowClient: 'drop', and gets the next ones when it has read", async () => {
    const server = await boot('drop');
    const [slow, atServer] = await connect(server);
    const [reader] = await connect(server);
    const backplane = app!.app.get(Backplane);
    slow.pause();
    const sent = await broadcastUntil(server, reader, () => backplane.stats().dropped >= 20);
    expect(atServer.readyState).toBe(WebSocket.OPEN);
    expect(atServer.bufferedAmount).toBeLessThan(LIMIT_BYTES + 2 * MESSAGE.length);
    let got = 0;
    const end = new Promise<void>((resolve) => {
      slow.on('message', (data: Buffer) => (data.includes('"end"') ? resolve() : got++));
    });
    slow.resume();
    while (atServer.bufferedAmount > 0) await new Promise((resolve) => setImmediate(resolve));
    server.emit('end');
    await end;
    expect(got).toBe(sent - backplane.stats().dropped);
  });

  describe('while all together leave too much unread', () => {
    const TOTAL_BYTES = 4 * LIMIT_BYTES;
    const limits = { bufferLimitBytes: 1024 * LIMIT_BYTES, totalBufferLimitBytes: TOTAL_BYTES };

    /** Two that do not read, one of them for longer; and one that does. */
    const bootCrowd = async (policy: SlowClientPolicy) => {
      const server = await boot(policy, limits);
      const [slowest, slowestAtServer] = await connect(server);
      const [slow, slowAtServer] = await connect(server);
      const [reader] = await connect(server);
      slowest.pause();
      await broadcastUntil(server, reader, () => slowestAtServer.bufferedAmount > LIMIT_BYTES);
      slow.pause();
      return { server, slowest, slowestAtServer, slowAtServer, reader };
    };

    it('the slowest is closed with 4408 first', async () => {
      const { server, slowest, slowestAtServer, slowAtServer, reader } =
        await bootCrowd('disconnect');
      const backplane = app!.app.get(Backplane);
      await broadcastUntil(server, reader, () => backplane.stats().slowDisconnects > 0);
      expect(slowestAtServer.readyState).not.toBe(WebSocket.OPEN);
      expect(slowAtServer.readyState).toBe(WebSocket.OPEN);
      expect(backplane.stats()).toMatchObject({
        slowDisconnects: 1,
        bufferOverflows: 1,
        dropped: 0,
      });
      const closed = once(slowest, 'close');
      slowest.resume();
      expect((await closed)[0]).toBe(4408);
      await broadcastUntil(server, reader, () => slowAtServer.bufferedAmount > 2 * LIMIT_BYTES);
      expect(slowAtServer.readyState).toBe(WebSocket.OPEN);
    });

    it("with slowClient: 'drop' they miss messages, and the sum grows no more", async () => {
      const { server, slowestAtServer, slowAtServer, reader } = await bootCrowd('drop');
      const backplane = app!.app.get(Backplane);
      await broadcastUntil(server, reader, () => backplane.stats().dropped >= 50);
      const together = slowestAtServer.bufferedAmount + slowAtServer.bufferedAmount;
      expect(together).toBeLessThan(TOTAL_BYTES + 4 * MESSAGE.length);
      expect([slowestAtServer.readyState, slowAtServer.readyState]).toEqual([1, 1]);
      expect(backplane.stats()).toMatchObject({ slowDisconnects: 0, bufferOverflows: 1 });
    });
  });

  it('misses volatile messages only while it has something unread', async () => {
    const server = await boot('disconnect');
    const [slow, atServer] = await connect(server);
    const [reader] = await connect(server);
    const backplane = app!.app.get(Backplane);
    server.volatile.emit('first');
    expect((await once(slow, 'message'))[0]).toEqual(Buffer.from('{"event":"first"}'));
    slow.pause();
    await broadcastUntil(server, reader, () => atServer.bufferedAmount > 0);
    const got = once(reader, 'message');
    server.volatile.emit('missed');
    await got;
    expect(backplane.stats().dropped).toBe(1);
  });
});
