import { describe, expect, it } from '@jest/globals';
import { UsePipes, ValidationPipe } from '@nestjs/common';
import {
  Ack,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import { Type } from 'class-transformer';
import { IsString, ValidateNested } from 'class-validator';
import fc from 'fast-check';
import {
  type BackplaneServer,
  RedisBackplaneModule,
  type RedisBackplaneOptions,
} from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { type BootedApp, bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { frameBytes, type FrameParts, Opcode, RawWsClient } from '../support/raw-ws-client.js';
import { RunningEcho } from '../support/running-echo.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient, type WsClientOptions } from '../support/ws-client.js';

const KIB = 1024;
const MIB = 1024 * KIB;

class Comment {
  @IsString()
  text!: string;

  @ValidateNested()
  @Type(() => Comment)
  answer?: Comment;
}

@WebSocketGateway()
class Gateway {
  @WebSocketServer() server!: BackplaneServer;

  readonly reserved: unknown[] = [];

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown) {
    return { event: 'echo', data };
  }

  @SubscribeMessage('push')
  push() {
    return { event: 'pushed' };
  }

  @SubscribeMessage('acked')
  acked(@Ack() ack: unknown) {
    if (typeof ack === 'function') ack('acked');
  }

  /** Nest's filter sends what the client had sent back to it, as the cause. */
  @SubscribeMessage('fail')
  fail() {
    throw new WsException('failed');
  }

  @SubscribeMessage('break')
  break() {
    throw new Error('broke');
  }

  @UsePipes(new ValidationPipe({ transform: true, whitelist: true }))
  @SubscribeMessage('comment')
  comment(@MessageBody() comment: Comment) {
    return { event: 'commented', data: comment.text };
  }

  @SubscribeMessage('$reserved')
  onReserved(@MessageBody() data: unknown) {
    this.reserved.push(data);
    return { event: 'reserved' };
  }
}

let lastKey = 0;

describe('bad clients', () => {
  const track = closeAfterEach();
  guardProcess();

  /** A server with a client that behaves, and must go on undisturbed until the test's end. */
  async function boot(options: RedisBackplaneOptions = {}) {
    const app = track(
      await bootApp({
        imports: [
          RedisBackplaneModule.forRoot({
            redis: 'memory',
            eventKeys: [`bad-clients-${++lastKey}`],
            ...options,
          }),
        ],
        providers: [Gateway],
      }),
    );
    const connect = async (clientOptions?: WsClientOptions) =>
      track(await WsClient.connect(app.url(), clientOptions));
    const bystander = track(new RunningEcho(await connect()));
    return { app, connect, bystander, gateway: app.app.get(Gateway) };
  }

  /** The lines that an operator would be called for. */
  const complaints = (app: BootedApp) => app.log.matching(/^(ERROR|WARN|FATAL)/);

  describe('whose messages are none', () => {
    const nonsense: [string, string[]][] = [
      [
        'malformed JSON',
        ['', ' ', '{', '{"event":"echo"', '{event:1}', '\u0000', '{"event":"echo"}x'],
      ],
      [
        'JSON of another kind',
        ['null', 'true', '0', '-1e400', '"echo"', '[]', '["echo",1]', '[[[]]]'],
      ],
      [
        'an event of another kind',
        ['null', '0', 'true', '{}', '["echo"]', '{"toString":1}'].map(eventOf),
      ],
      ['no event', ['{}', '{"data":1}', '{"id":1}', '{"id":1,"data":2}', '{"id":1,"error":{}}']],
      [
        "names of JavaScript's own as events",
        ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'length'].map(
          (name) => eventOf(JSON.stringify(name)),
        ),
      ],
      [
        'the message hidden in a prototype',
        [
          '{"__proto__":{"event":"echo","data":1}}',
          '{"constructor":{"prototype":{"event":"echo"}}}',
          '{"__proto__":null}',
        ],
      ],
    ];

    it.each(nonsense)('%s: dropped without a word', async (_, frames) => {
      const { app, connect, bystander } = await boot();
      const client = await connect();
      for (const frame of frames) {
        client.send(frame);
        client.send(Buffer.from(frame));
      }
      expect(await client.settle()).toEqual([]);
      expect(complaints(app)).toEqual([]);
      await bystander.stop();
    });
  });

  it('keys of prototypes stay data, and change no object', async () => {
    const { connect, bystander } = await boot();
    const client = await connect();
    for (const key of ['__proto__', 'constructor', 'prototype', 'toJSON', 'then']) {
      const text = `{"event":"echo","data":{"${key}":{"polluted":true}}}`;
      client.send(text);
      expect(JSON.stringify(await client.next())).toBe(text);
    }
    client.send('{"event":"comment","data":{"text":"a","__proto__":{"polluted":true}}}');
    await client.next();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    await bystander.stop();
  });

  // Where a message may nest 64 levels, which is less; and where the app has turned that off, and
  // encoding has to fail well.
  describe.each<64 | false>([64, false])('who nest deeply, with maxDepth %j', (maxDepth) => {
    const lists = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    const objects = (depth: number) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);

    describe.each([10_000, 80_000])('%d levels', (depth) => {
      const forms = [lists(depth), objects(depth)];

      it.each(['echo', 'fail', 'break', 'push', 'acked', 'unknown'])(
        'as data of "%s"',
        async (event) => {
          const { connect, bystander } = await boot({ maxDepth });
          const client = await connect();
          for (const data of forms) {
            client.send(`{"event":"${event}","data":${data}}`);
            client.send(`{"event":"${event}","data":${data},"id":1}`);
          }
          await client.settle();
          expect(client.closeInfo).toBeUndefined();
          await bystander.stop();
        },
      );

      it.each<[string, (deep: string) => string]>([
        ['as the message', (deep) => deep],
        ['as the event', (deep) => `{"event":${deep}}`],
        ['as the event, with an id', (deep) => `{"event":${deep},"id":1}`],
        ['as the id', (deep) => `{"event":"echo","data":1,"id":${deep}}`],
        ['as the id of an unknown event', (deep) => `{"event":"unknown","id":${deep}}`],
        ['as the event and the id', (deep) => `{"event":${deep},"id":${deep}}`],
        ['as the error of an answer', (deep) => `{"id":1,"error":${deep}}`],
        ['as a member that means nothing', (deep) => `{"event":"echo","data":1,"x":${deep}}`],
      ])('%s', async (_, frame) => {
        const { connect, bystander } = await boot({ maxDepth });
        const client = await connect();
        for (const deep of forms) client.send(frame(deep));
        await client.settle();
        expect(client.closeInfo).toBeUndefined();
        await bystander.stop();
      });
    });

    it('are told of the failure', async () => {
      const { connect, bystander } = await boot({ maxDepth });
      const client = await connect();
      const data = lists(100_000);
      for (const event of ['echo', 'fail', 'break']) {
        client.send(`{"event":"${event}","data":${data},"id":5}`);
        expect(await client.next()).toMatchObject({ id: 5, error: { status: 'error' } });
        if (maxDepth !== false) continue;
        client.send(`{"event":"${event}","data":${data}}`);
        expect(await client.next()).toMatchObject({ event: 'exception' });
      }
      await bystander.stop();
    });
  });

  it('who nest deeply into a pipe that goes all the way down', async () => {
    const { connect, bystander } = await boot({ maxDepth: false });
    const client = await connect();
    const answer = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
    client.send(`{"event":"comment","data":{"text":"a","answer":${answer}}}`);
    expect(await client.next()).toMatchObject({ event: 'exception' });
    await bystander.stop();
  });

  describe('who break the protocol', () => {
    const violations: [string, number, FrameParts[]][] = [
      ['invalid UTF-8', 1007, [{ opcode: Opcode.text, payload: Buffer.from([0xff, 0xfe]) }]],
      ['half a character', 1007, [{ opcode: Opcode.text, payload: Buffer.from([0xe2, 0x82]) }]],
      ['a reserved bit', 1002, [{ opcode: Opcode.text, payload: '{}', reserved: 4 }]],
      ['all reserved bits', 1002, [{ opcode: Opcode.text, payload: '{}', reserved: 7 }]],
      ['a reserved opcode', 1002, [{ opcode: 0x5 }]],
      ['no mask', 1002, [{ opcode: Opcode.text, payload: '{}', masked: false }]],
      ['a ping in fragments', 1002, [{ opcode: Opcode.ping, fin: false }]],
      ['a long ping', 1002, [{ opcode: Opcode.ping, payload: 'x'.repeat(126) }]],
      ['an end without a beginning', 1002, [{ opcode: Opcode.continuation, payload: '{}' }]],
      [
        'a second beginning',
        1002,
        [
          { opcode: Opcode.text, payload: '{', fin: false },
          { opcode: Opcode.text, payload: '}' },
        ],
      ],
      ['a close code of nobody', 1002, [{ opcode: Opcode.close, payload: Buffer.from([0, 5]) }]],
      [
        'a close reason that is no UTF-8',
        1007,
        [{ opcode: Opcode.close, payload: Buffer.from([0x03, 0xe8, 0xff]) }],
      ],
      ['a frame above 1 MiB', 1009, [{ opcode: Opcode.text, payload: 'x'.repeat(MIB + 1) }]],
      ['the header of 2^40 bytes', 1009, [{ opcode: Opcode.text, claimedLength: 2n ** 40n }]],
      ['the header of 2^63 bytes', 1009, [{ opcode: Opcode.text, claimedLength: 2n ** 63n }]],
      [
        'fragments above 1 MiB',
        1009,
        Array.from({ length: 5 }, (_, i) => ({
          opcode: i === 0 ? Opcode.text : Opcode.continuation,
          payload: 'x'.repeat(256 * KIB),
          fin: false,
        })),
      ],
    ];

    it.each(violations)('%s: closed with %d', async (_, code, frames) => {
      const { app, bystander } = await boot();
      const client = track(await RawWsClient.upgrade(app.port));
      for (const frame of frames) client.frame(frame);
      expect(await client.closeFrame()).toBe(code);
      client.socket.end();
      await client.closed;
      expect(complaints(app)).toEqual([]);
      await bystander.stop();
    });

    it('exactly 1 MiB is no offence', async () => {
      const { connect, bystander } = await boot();
      const client = await connect();
      const frame = (data: string) => `{"event":"echo","data":"${data}"}`;
      const data = 'x'.repeat(MIB - frame('').length);
      client.send(frame(data));
      expect(await client.nextEvent('echo')).toBe(data);
      await bystander.stop();
    });

    it('a small frame that inflates beyond 1 MiB: closed with 1009', async () => {
      const { connect, bystander } = await boot({ perMessageDeflate: true });
      const client = await connect({ perMessageDeflate: { threshold: 0 } });
      expect(client.socket.extensions).toContain('permessage-deflate');
      client.send('x'.repeat(50 * MIB));
      expect(await client.awaitClose()).toMatchObject({ code: 1009 });
      await bystander.stop();
    });
  });

  describe('who fall silent', () => {
    const heartbeat = { intervalMs: 50, timeoutMs: 250 };
    const half = frameBytes({ opcode: Opcode.text, payload: '{"event":"echo"}' }).subarray(0, 10);

    it.each([
      ['after the upgrade', Buffer.alloc(0)],
      ['after half a header', half.subarray(0, 1)],
      ['after half a frame', half],
      ['between two fragments', frameBytes({ opcode: Opcode.text, payload: '{', fin: false })],
    ])('%s: dropped by the heartbeat', async (_, bytes) => {
      const { app, bystander, gateway } = await boot({ heartbeat });
      const client = track(await RawWsClient.upgrade(app.port));
      await waitFor('the client to be known', () => gateway.server.clients.size === 2);
      client.write(bytes);
      await client.closeCode();
      await waitFor('the client to be forgotten', () => gateway.server.clients.size === 1);
      await bystander.stop();
    });

    it('but who answers the pings stays', async () => {
      const { app, connect, gateway } = await boot({ heartbeat });
      const quiet = await connect();
      let pings = 0;
      quiet.socket.on('ping', () => pings++);
      const dropped = track(await RawWsClient.upgrade(app.port));
      await dropped.closeCode();
      await waitFor('several pings', () => pings >= 3);
      await waitFor('the other to be forgotten', () => gateway.server.clients.size === 2);
      expect(quiet.closeInfo).toBeUndefined();
      expect(await quiet.settle()).toEqual([]);
    });
  });

  describe('with ids', () => {
    it.each([
      ['null', 'null'],
      ['a boolean', 'true'],
      ['an object', '{"a":1}'],
      ['a list', '[1]'],
      ['a huge string', JSON.stringify('x'.repeat(500 * KIB))],
      ['a number beyond numbers', '1e400'],
    ])('%s: the message is served, the id is not', async (_, id) => {
      const { app, connect, bystander } = await boot();
      const client = await connect();
      const answersTo = async (event: string) => {
        client.send(`{"event":"${event}","id":${id}}`);
        return client.settle();
      };
      expect(await answersTo('push')).toEqual([{ event: 'pushed' }]);
      expect(await answersTo('acked')).toEqual([]);
      expect(await answersTo('fail')).toMatchObject([
        { event: 'exception', data: { message: 'failed' } },
      ]);
      expect(await answersTo('unknown')).toEqual([]);
      expect(complaints(app)).toEqual([]);
      await bystander.stop();
    });

    it.each([0, -1, 1.5, 2 ** 53 - 1, '', '0', '__proto__', '\u0000', '🚀', 'x'.repeat(255)])(
      '%j: it comes back as it came',
      async (id) => {
        const { connect, bystander } = await boot();
        const client = await connect();
        client.sendEvent('acked', undefined, id);
        expect(await client.next()).toEqual({ id, data: 'acked' });
        client.sendEvent('unknown', undefined, id);
        expect(await client.next()).toMatchObject({ id, error: { status: 'error' } });
        await bystander.stop();
      },
    );

    it('the same one a thousand times: each is answered', async () => {
      const { connect, bystander } = await boot();
      const client = await connect();
      for (let i = 0; i < 1_000; i++) client.sendEvent('acked', undefined, 7);
      expect(await client.settle()).toEqual(Array(1_000).fill({ id: 7, data: 'acked' }));
      await bystander.stop();
    });
  });

  it('events that start with $ reach no handler', async () => {
    const { app, connect, bystander, gateway } = await boot();
    const client = await connect();
    for (const event of ['$reserved', '$', '$$', '$ack', '$ping']) client.sendEvent(event, 1);
    client.sendEvent('$reserved', 1, 3);
    expect(await client.settle()).toEqual([
      { id: 3, error: expect.objectContaining({ status: 'error' }) },
    ]);
    expect(gateway.reserved).toEqual([]);
    expect(complaints(app)).toEqual([]);
    await bystander.stop();
  });

  it('thousands of unknown events, each of another name, cost a line of log none', async () => {
    const { app, connect, bystander } = await boot();
    const client = await connect();
    const lines = app.log.lines.length;
    for (let i = 0; i < 5_000; i++) client.sendEvent(`unknown ${i}`, i);
    client.sendEvent('x'.repeat(500 * KIB), 1);
    expect(await client.settle()).toEqual([]);
    for (let i = 0; i < 1_000; i++) client.sendEvent(`unknown ${i}`, i, i);
    client.sendEvent('x'.repeat(500 * KIB), 1, 'long');
    const answers = await client.settle();
    expect(answers).toHaveLength(1_001);
    expect(JSON.stringify(answers.at(-1)).length).toBeLessThan(KIB);
    expect(app.log.lines.length).toBe(lines);
    await bystander.stop();
  });

  it('messages that fail, by the thousand, are answered, and no client is lost', async () => {
    const { connect, bystander } = await boot();
    const client = await connect();
    for (let i = 0; i < 1_000; i++) client.sendEvent('fail', i);
    await client.frames(1_000);
    expect(await client.settle()).toEqual([]);
    await bystander.stop();
  });

  describe('who do not read', () => {
    it('what the server sends them: closed with 4408, and hold little of its memory', async () => {
      const { app, bystander, gateway } = await boot({ bufferLimitBytes: 256 * KIB });
      const client = track(await RawWsClient.upgrade(app.port));
      await waitFor('the client to be known', () => gateway.server.clients.size === 2);
      const [, slow] = [...gateway.server.clients];
      client.stopReading();
      let most = 0;
      await waitFor(
        'the client to be closed',
        () => {
          for (let i = 0; i < 4; i++) slow!.emit('news', 'x'.repeat(64 * KIB));
          most = Math.max(most, slow!.bufferedAmount);
          return slow!.readyState !== 1;
        },
        20_000,
      );
      expect(most).toBeLessThan(MIB);
      client.socket.resume();
      expect(await client.closeFrame()).toBe(4408);
      await bystander.stop();
    }, 30_000);

    it('what they asked for: closed with 4408', async () => {
      const { app, bystander, gateway } = await boot({ bufferLimitBytes: 256 * KIB });
      const client = track(await RawWsClient.upgrade(app.port));
      await waitFor('the client to be known', () => gateway.server.clients.size === 2);
      const [, greedy] = [...gateway.server.clients];
      client.stopReading();
      const payload = JSON.stringify({ event: 'echo', data: 'x'.repeat(64 * KIB) });
      const question = frameBytes({ opcode: Opcode.text, payload });
      await waitFor(
        'the client to be closed',
        () => {
          if (client.socket.writableLength < MIB) client.write(question);
          return greedy!.readyState !== 1;
        },
        20_000,
      );
      client.socket.resume();
      expect(await client.closeFrame()).toBe(4408);
      await bystander.stop();
    }, 30_000);
  });

  describe('who come and go', () => {
    it('cut off in the middle of everything', async () => {
      const { app, bystander, gateway } = await boot();
      const question = frameBytes({ opcode: Opcode.text, payload: '{"event":"echo","data":1}' });
      for (let i = 0; i < 50; i++) {
        const client = await RawWsClient.upgrade(app.port);
        client.write(Buffer.concat([question, question, question.subarray(0, i % 20)]));
        if (i % 2) client.reset();
        else client.socket.destroy();
        await client.closed;
      }
      await waitFor('all to be forgotten', () => gateway.server.clients.size === 1);
      expect(complaints(app)).toEqual([]);
      await bystander.stop();
    });

    it.each([
      ['garbage instead of HTTP', '\u0000\u0001\u0002 garbage\r\n\r\n'],
      ['an upgrade without a key', upgradeRequest({ 'Sec-WebSocket-Key': undefined })],
      ['an upgrade with a bad key', upgradeRequest({ 'Sec-WebSocket-Key': 'short' })],
      ['an upgrade of another version', upgradeRequest({ 'Sec-WebSocket-Version': '99' })],
      ['an upgrade by POST', upgradeRequest({}, 'POST / HTTP/1.1')],
      ['an upgrade to no URL', upgradeRequest({}, 'GET //[ HTTP/1.1')],
      ['an upgrade to a list', upgradeRequest({ Upgrade: 'h2c, websocket' })],
      ['an upgrade to a long path', upgradeRequest({}, `GET /${'x'.repeat(8_000)} HTTP/1.1`)],
      ['an upgrade with a bad protocol', upgradeRequest({ 'Sec-WebSocket-Protocol': 'a,,b' })],
    ])('%s: refused with an HTTP answer', async (_, request) => {
      const { app, bystander } = await boot();
      const client = track(await RawWsClient.dial(app.port));
      client.write(request);
      await client.closeCode();
      expect(client.text).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(complaints(app)).toEqual([]);
      await bystander.stop();
    });

    it('reset in the middle of the upgrade', async () => {
      const { app, bystander, gateway } = await boot();
      for (let i = 0; i < 50; i++) {
        const client = await RawWsClient.dial(app.port);
        client.write(upgradeRequest({}));
        client.reset();
        await client.closed;
      }
      await bystander.oneMoreRound();
      await waitFor('all to be forgotten', () => gateway.server.clients.size === 1);
      expect(complaints(app)).toEqual([]);
      await bystander.stop();
    });
  });

  describe('at random', () => {
    it('any JSON in any place of a message', async () => {
      const { connect, bystander } = await boot();
      const client = await connect();
      const events = ['echo', 'push', 'acked', 'fail', 'break', 'comment', '$reserved'];
      const event = fc.oneof(fc.constantFrom<unknown>(...events), fc.jsonValue());
      const message = fc.record(
        { event, data: fc.jsonValue(), id: fc.jsonValue() },
        { requiredKeys: [] },
      );
      await fc.assert(
        fc.asyncProperty(fc.oneof(message, fc.jsonValue()), async (value) => {
          client.send(JSON.stringify(value));
          await client.settle();
        }),
        { numRuns: 200 },
      );
      await bystander.stop();
    });

    it('any bytes in the place of frames', async () => {
      const { app, bystander, gateway } = await boot();
      const frame = fc
        .record({
          opcode: fc.integer({ min: 0, max: 15 }),
          payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
          fin: fc.boolean(),
          reserved: fc.constantFrom(0, 0, 0, 1, 4, 7),
          masked: fc.constantFrom(true, true, true, false),
        })
        .map(frameBytes);
      const bytes = fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some));
      await fc.assert(
        fc.asyncProperty(fc.array(fc.oneof(frame, bytes), { maxLength: 10 }), async (writes) => {
          const client = await RawWsClient.upgrade(app.port);
          for (const write of writes) client.write(write);
          client.socket.end();
          await client.closeCode();
        }),
        { numRuns: 50 },
      );
      await waitFor('all to be forgotten', () => gateway.server.clients.size === 1);
      await bystander.stop();
    });
  });
});

function eventOf(json: string): string {
  return `{"event":${json},"data":1}`;
}

/** An upgrade request with some headers changed, or left out. */
function upgradeRequest(
  changes: Record<string, string | undefined>,
  firstLine = 'GET / HTTP/1.1',
): string {
  const headers = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    ...changes,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== undefined);
  return [firstLine, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
}
