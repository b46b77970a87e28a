import { describe, expect, it } from '@jest/globals';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { type BackplaneSocket, RedisBackplaneModule } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { WsClient } from '../support/ws-client.js';

type Sent = Parameters<BackplaneSocket['send']>[0];

/** Passes on what the client says, as careless apps do. */
@WebSocketGateway()
class Relay {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return { event: 'echo', data };
  }

  @SubscribeMessage('send')
  send(@ConnectedSocket() client: BackplaneSocket, @MessageBody() data: Sent) {
    return wordsOf(() => client.send(data));
  }

  @SubscribeMessage('ping')
  ping(@ConnectedSocket() client: BackplaneSocket, @MessageBody() data: Buffer) {
    return wordsOf(() => client.ping(data));
  }

  @SubscribeMessage('send what JSON cannot')
  sendOther(@ConnectedSocket() client: BackplaneSocket, @MessageBody() which: number) {
    const values: unknown[] = [undefined, Symbol('a'), 7n, () => 'a', NaN, new Date(0)];
    return wordsOf(() => client.send(values[which] as Sent));
  }

  @SubscribeMessage('send bytes')
  sendBytes(@ConnectedSocket() client: BackplaneSocket) {
    const bytes = Uint8Array.from([1, 2, 3]);
    client.send(Buffer.from(bytes));
    client.send(bytes);
    client.send(bytes.buffer);
    client.send(new DataView(bytes.buffer, 1));
    client.send(new Blob([bytes]));
    client.send('text', () => {});
    client.ping();
    client.ping(Buffer.from('ping'));
  }
}

function wordsOf(call: () => void): string {
  try {
    call();
    return 'sent';
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

describe('a raw frame', () => {
  const track = closeAfterEach();
  guardProcess();

  async function connect() {
    const imports = [RedisBackplaneModule.forRoot({ redis: 'memory', eventKeys: ['raw-send'] })];
    const app = track(await bootApp({ imports, providers: [Relay] }));
    return track(await WsClient.connect(app.url()));
  }

  it.each(
    ['7', 'null', 'true', '{"event":"exception"}', '[1,2]', '{"length":1000000000}'].concat(
      '{"type":"Buffer","data":[1]}',
    ),
  )('cannot be %s', async (json) => {
    const client = await connect();
    const data = JSON.parse(json) as unknown;
    expect(await client.request('send', data)).toMatch(
      /^TypeError: send\(\) takes a string .*, got .*\. Use emit\(\)/,
    );
    expect(await client.request('ping', data)).toMatch(/^TypeError: ping\(\) takes a string/);
    expect(await client.settle()).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4, 5])('cannot be what JSON does not know (%d)', async (which) => {
    const client = await connect();
    expect(await client.request('send what JSON cannot', which)).toMatch(/^TypeError: send\(\)/);
    expect(await client.settle()).toEqual([]);
  });

  it('is text, or bytes in any form', async () => {
    const client = await connect();
    client.sendEvent('send bytes');
    const bytes = Buffer.from([1, 2, 3]);
    expect(await client.frames(6)).toEqual([bytes, bytes, bytes, bytes.subarray(1), bytes, 'text']);
    expect(await client.request('send', 'said')).toBe('sent');
  });
});
