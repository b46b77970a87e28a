import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocketGateway, WebSocketServer as InjectServer } from '@nestjs/websockets';
import { type BackplaneServer, RedisBackplaneModule } from 'nestjs-redis-backplane';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';

import { SharedDeflate } from '../../../lib/adapter/write/shared-deflate.js';
import { Batch } from '../../../lib/hub/batch.js';
import { Frame } from '../../../lib/hub/frame.js';
import { bootApp, type BootedApp } from '../../support/nest-app.js';

@WebSocketGateway({ path: '/x' })
class Gateway {
  @InjectServer() server!: BackplaneServer;
}

const text = (bytes: number): string => 'abcdefgh'.repeat(bytes / 8);

describe('a shared deflate', () => {
  const deflate = new SharedDeflate(true);

  it('deflates a batch once, and leaves small frames as they are', () => {
    const batch = new Batch(Frame.text(text(4_096)));
    batch.add(Frame.text('small'));
    const wire = deflate.wireOf(batch);
    expect(deflate.wireOf(batch)).toBe(wire);
    expect(wire[0]!.length).toBeLessThan(200);
    expect(wire[0]!.subarray(-5).toString()).toBe('small');
  });
});

describe('a deflated broadcast', () => {
  let app: BootedApp | undefined;
  const sockets: WebSocket[] = [];

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate();
    await app?.close();
  });

  const connect = async (perMessageDeflate: boolean | object): Promise<WebSocket> => {
    const socket = new WebSocket(app!.url('/x'), { perMessageDeflate });
    sockets.push(socket);
    await once(socket, 'open');
    return socket;
  };

  it.each([
    ['that shares', true, true, true],
    ['that keeps its own context', { serverNoContextTakeover: false }, true, true],
    ['with a smaller window', true, { serverMaxWindowBits: 10 }, true],
    ['that does not compress', true, false, false],
    ['of a server that does not', false, true, false],
  ])('reaches a client %s, whole and in order', async (_, server, client, deflated) => {
    app = await bootApp({
      imports: [
        RedisBackplaneModule.forRoot({
          redis: 'memory',
          eventKeys: `deflate-${Math.random()}`,
          perMessageDeflate: server,
        }),
      ],
      providers: [Gateway],
    });
    const socket = await connect(client);
    const stream = (socket as unknown as { _socket: Duplex & { bytesRead: number } })._socket;
    const before = stream.bytesRead;
    const got: string[] = [];
    const all = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        if (got.push((JSON.parse(data.toString()) as { data: string }).data) === 5) resolve();
      });
    });
    const { server: hub } = app.app.get(Gateway);
    const sent = [text(8_000), 'small', text(80_000), text(8_000)];
    for (const data of sent) hub.emit('e', data);
    hub.compress(false).emit('e', 'end');
    await all;
    expect(got).toEqual([...sent, 'end']);
    const read = stream.bytesRead - before;
    if (deflated) expect(read).toBeLessThan(10_000);
    else expect(read).toBeGreaterThan(96_000);
  });
});
