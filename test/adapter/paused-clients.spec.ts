import { describe, expect, it } from '@jest/globals';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import {
  Backplane,
  type BackplaneServer,
  type BackplaneSocket,
  type LossReason,
  type OnContinuityLost,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { type BootedApp, bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';

const LIMIT_BYTES = 64 * 1024;
const BIG = 'x'.repeat(16 * 1024);

@WebSocketGateway({ path: '/chat' })
class ChatGateway implements OnContinuityLost {
  @WebSocketServer() server!: BackplaneServer;
  readonly told: string[] = [];

  @SubscribeMessage('join')
  join(@ConnectedSocket() client: BackplaneSocket, @MessageBody() room: string): Promise<void> {
    return client.join(room);
  }

  onContinuityLost(
    client: BackplaneSocket | undefined,
    room: string | undefined,
    reason: LossReason,
  ): void {
    this.told.push(`${client ? 'one' : 'all'} ${room} ${reason}`);
    (client ?? this.server.local.to(room!)).emit('snapshot', room);
  }
}

let lastKey = 0;

class App {
  static async boot(size: number, totalBufferLimitBytes?: number, redis = 'memory'): Promise<App> {
    const eventKey = `paused-${process.pid}-${++lastKey}`;
    const booted = await bootApp({
      imports: [
        RedisBackplaneModule.forRoot({
          redis,
          eventKeys: [eventKey],
          bufferLimitBytes: LIMIT_BYTES,
          totalBufferLimitBytes,
          slowClient: 'pause',
          history: [{ rooms: 'kept:*', size, ttlMs: 60_000 }],
        }),
      ],
      providers: [ChatGateway],
    });
    return new App(booted, eventKey);
  }

  private constructor(
    readonly booted: BootedApp,
    readonly eventKey: string,
  ) {}

  get gateway(): ChatGateway {
    return this.booted.app.get(ChatGateway);
  }

  get backplane(): Backplane {
    return this.booted.app.get(Backplane);
  }

  async member(...rooms: string[]): Promise<WsClient> {
    const ws = await WsClient.connect(this.booted.url('/chat'), { deadlineMs: 30_000 });
    for (const room of rooms) await ws.request('join', room);
    return ws;
  }

  /** Messages of 16 KiB, as fast as they go. */
  async fill(room: string, from: number, to: number): Promise<void> {
    for (let n = from; n < to; n++)
      await this.gateway.server.to(room).publish('said', { room, n, BIG });
  }

  dispose(): Promise<void> {
    return this.booted.close();
  }
}

interface Said {
  readonly event: string;
  readonly data: { readonly room: string; readonly n: number };
}

const numbersOf = (ws: WsClient, room: string): number[] =>
  (ws.received as Said[])
    .filter(({ event, data }) => event === 'said' && data.room === room)
    .map(({ data }) => data.n);

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

const upTo = (count: number): string => Array.from({ length: count }, (_, n) => n).join();

describe("a client that does not read, under slowClient: 'pause'", () => {
  guardProcess();
  const track = closeAfterEach();

  it('gets all of a history in its order when it reads again; others do not notice; memory is bounded', async () => {
    const app = track(await App.boot(2_000));
    const slow = track(await app.member('kept:1', 'kept:2'));
    const quick = track(await app.member('kept:1'));
    slow.socket.pause();
    const count = 1_000;
    await app.fill('kept:1', 0, count);
    await app.fill('kept:2', 0, count);
    await waitFor('the quick one', () => numbersOf(quick, 'kept:1').length === count, 20_000);
    const socket = [...app.gateway.server.clients][0]!;
    expect(app.backplane.stats().pauses).toBe(2);
    expect(socket.bufferedAmount).toBeGreaterThan(LIMIT_BYTES);
    // What it may leave unread, and one answer of the log.
    expect(socket.bufferedAmount).toBeLessThan(LIMIT_BYTES + 1.5 * 1024 * 1024);
    slow.socket.resume();
    await waitFor('all', () => numbersOf(slow, 'kept:2').length === count, 20_000);
    await app.fill('kept:1', count, count + 5);
    await waitFor('the rest', () => numbersOf(slow, 'kept:1').length === count + 5, 20_000);
    expect(numbersOf(slow, 'kept:1').join()).toBe(upTo(count + 5));
    expect(numbersOf(slow, 'kept:2').join()).toBe(upTo(count));
    expect(socket.paused.size).toBe(0);
    expect(app.gateway.told).toEqual([]);
    expect(app.backplane.stats()).toMatchObject({ dropped: 0, slowDisconnects: 0 });
  });

  it('goes on in its order while it reads a little, again and again', async () => {
    const app = track(await App.boot(10_000));
    const slow = track(await app.member('kept:1'));
    const count = 1_500;
    const filling = app.fill('kept:1', 0, count);
    for (let turn = 0; numbersOf(slow, 'kept:1').length < count; turn++) {
      if (turn % 2 === 0) slow.socket.pause();
      else slow.socket.resume();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await filling;
    expect(numbersOf(slow, 'kept:1').join()).toBe(upTo(count));
    expect(app.gateway.told).toEqual([]);
  });

  it('goes on with many others, and all together hold no more than they may', async () => {
    const totalBytes = 1024 * 1024;
    const app = track(await App.boot(10_000, totalBytes));
    const count = 800;
    const slow: WsClient[] = [];
    for (let n = 0; n < 10; n++) slow.push(track(await app.member('kept:1')));
    for (const { socket } of slow) socket.pause();
    await app.fill('kept:1', 0, count);
    await waitFor('the pauses', () => app.backplane.stats().pauses === slow.length);
    const sockets = [...app.gateway.server.clients];
    let most = 0;
    const isDone = (ws: WsClient): boolean => numbersOf(ws, 'kept:1').length === count;
    for (let turn = 0; !slow.every(isDone); turn++) {
      // One never reads until the others have all: they must not wait for it.
      const others = slow.slice(1).every(isDone) ? slow : slow.slice(1);
      for (const { socket } of others) {
        if (turn % 2 === 0) socket.resume();
        else socket.pause();
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
      const held = sockets.reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
      if (turn > 2) most = Math.max(most, held);
    }
    for (const ws of slow) expect(numbersOf(ws, 'kept:1').join()).toBe(upTo(count));
    // Each may have got one message when it held nothing.
    expect(most).toBeLessThan(totalBytes + (slow.length + 1) * 2 * BIG.length);
    expect(app.gateway.told).toEqual([]);
  }, 30_000);

  it('is told when the history does not reach back any more, and goes on from there', async () => {
    const app = track(await App.boot(10));
    const slow = track(await app.member('kept:1'));
    const quick = track(await app.member('kept:1'));
    slow.socket.pause();
    await app.fill('kept:1', 0, 1_000);
    slow.socket.resume();
    await slow.take('the snapshot', (frame) => (frame as Said).event === 'snapshot');
    await app.fill('kept:1', 1_000, 1_001);
    await waitFor('the next', () => numbersOf(slow, 'kept:1').at(-1) === 1_000, 20_000);
    expect(new Set(app.gateway.told)).toEqual(new Set(['one kept:1 trimmed']));
    const numbers = numbersOf(slow, 'kept:1');
    expect(numbers.join()).toBe([...new Set(numbers)].toSorted((a, b) => a - b).join());
    await waitFor('the quick one', () => numbersOf(quick, 'kept:1').length === 1_001, 20_000);
  });

  it.each([1, 10])(
    'gets all of a history behind a message that the app sends in fragments, %i of its limits long',
    async (limits) => {
      const app = track(await App.boot(2_000));
      const member = track(await app.member('kept:1'));
      const quick = track(await app.member('kept:1'));
      const [socket] = app.gateway.server.clients;
      socket!.raw.send('{"event":"parts",', { fin: false });
      const count = (limits * LIMIT_BYTES) / BIG.length;
      await app.fill('kept:1', 0, count);
      await waitFor('the quick one', () => numbersOf(quick, 'kept:1').length === count);
      await app.backplane.hub('/chat').history('kept:1');
      socket!.raw.send('"data":1}', { fin: true });
      await app.fill('kept:1', count, count + 1);
      await waitFor('the rest', () => numbersOf(member, 'kept:1').at(-1) === count);
      expect(numbersOf(member, 'kept:1').join()).toBe(upTo(count + 1));
      expect(app.gateway.told).toEqual([]);
    },
  );

  it('misses nothing but what was sent while it was out of the room', async () => {
    const app = track(await App.boot(2_000));
    const slow = track(await app.member('kept:1'));
    track(await app.member('kept:1'));
    slow.socket.pause();
    await app.fill('kept:1', 0, 1_000);
    await waitFor('the pause', () => app.backplane.stats().pauses === 1);
    const [socket] = app.gateway.server.clients;
    await socket!.leave('kept:1');
    await app.fill('kept:1', 1_000, 1_001);
    await socket!.join('kept:1');
    slow.socket.resume();
    await waitFor('the end', () => socket!.paused.size === 0);
    await app.fill('kept:1', 1_001, 1_002);
    await waitFor('what follows', () => numbersOf(slow, 'kept:1').at(-1) === 1_001);
    expect(numbersOf(slow, 'kept:1')).not.toContain(1_000);
  });

  it('misses what has no history, counted, and is closed when it lets its own answers lie', async () => {
    const app = track(await App.boot(10));
    const slow = track(await app.member('live'));
    slow.socket.pause();
    const [socket] = app.gateway.server.clients;
    for (let n = 0; app.backplane.stats().dropped === 0; n++) {
      app.gateway.server.to('live').emit('said', { room: 'live', n, BIG });
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket!.emit('answer', BIG);
    expect(socket!.readyState).toBe(1);
    while (socket!.readyState === 1) {
      socket!.emit('answer', BIG);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(app.backplane.stats()).toMatchObject({ slowDisconnects: 1, pauses: 0 });
  });

  it('is not closed for an answer behind a large message', async () => {
    const app = track(await App.boot(2_000));
    const slow = track(await app.member('kept:1'));
    const quick = track(await app.member('kept:1'));
    const socket = [...app.gateway.server.clients][0]!;
    const large = 'x'.repeat(8 * LIMIT_BYTES);
    slow.socket.pause();
    let n = 0;
    while (socket.bufferedAmount === 0) {
      await app.fill('kept:1', n, ++n);
      await quick.nextEvent('said');
    }
    expect(socket.bufferedAmount).toBeLessThan(LIMIT_BYTES);
    await app.gateway.server.to('kept:1').publish('said', { room: 'kept:1', n: n++, large });
    await app.fill('kept:1', n, (n += 200));
    expect(socket.paused.size).toBe(1);
    expect(socket.bufferedAmount).toBeGreaterThan(4 * LIMIT_BYTES);
    socket.emit('direct');
    expect(socket.readyState).toBe(1);
    slow.socket.resume();
    await waitFor('all', () => numbersOf(slow, 'kept:1').length === n, 20_000);
    expect(numbersOf(slow, 'kept:1').join()).toBe(upTo(n));
    expect(app.backplane.stats()).toMatchObject({ dropped: 0, slowDisconnects: 0 });
  });

  it('is not closed for an answer behind all that it was brought on by at once', async () => {
    const app = track(await App.boot(2_000));
    const slow = track(await app.member('kept:1'));
    const socket = [...app.gateway.server.clients][0]!;
    slow.socket.pause();
    const count = 1_000;
    await app.fill('kept:1', 0, count);
    expect(socket.bufferedAmount).toBeLessThan(2 * LIMIT_BYTES);
    // It reads a little, until a step has been written that stays unread.
    for (let before = 0; before < 4 * LIMIT_BYTES || socket.bufferedAmount !== before;) {
      before = socket.bufferedAmount;
      if (before < 4 * LIMIT_BYTES) slow.socket.resume();
      await turns(1);
      slow.socket.pause();
      await turns(10);
      expect(socket.paused.size).toBe(1);
    }
    socket.emit('direct');
    expect(socket.readyState).toBe(1);
    slow.socket.resume();
    await waitFor('all', () => numbersOf(slow, 'kept:1').length === count, 20_000);
    expect(numbersOf(slow, 'kept:1').join()).toBe(upTo(count));
    expect(app.backplane.stats()).toMatchObject({ dropped: 0, slowDisconnects: 0 });
  });

  it('is given up when it leaves the room, or closes', async () => {
    const app = track(await App.boot(2_000));
    const slow = track(await app.member('kept:1'));
    const closing = track(await app.member('kept:1'));
    slow.socket.pause();
    closing.socket.pause();
    await app.fill('kept:1', 0, 1_000);
    await waitFor('the pause', () => app.backplane.stats().pauses === 2);
    closing.socket.terminate();
    const [socket] = app.gateway.server.clients;
    await socket!.leave('kept:1');
    slow.socket.resume();
    await waitFor('the end', () => socket!.paused.size === 0);
    await app.fill('kept:1', 1_000, 1_001);
    // Behind its answer there is nothing left of the room that it was in.
    await slow.request('join', 'live');
    const numbers = numbersOf(slow, 'kept:1');
    expect(numbers.length).toBeLessThan(1_000);
    expect(numbers.join()).toBe(upTo(numbers.length));
  });
});

describeWithRedis('a loss of all members, while some do not read', () => {
  guardProcess();
  const track = closeAfterEach();

  it('is told to each, before what follows it, once it has read', async () => {
    const redis = track(await RedisServer.start());
    const app = track(await App.boot(2_000, undefined, redis.url));
    // One is behind in the room that will lose something, one in another room alone.
    const behind = track(await app.member('kept:1'));
    const busy = track(await app.member('kept:1', 'kept:2'));
    const quick = track(await app.member('kept:1'));
    await app.fill('kept:1', 0, 1);
    for (const member of [behind, busy, quick]) await member.nextEvent('said');
    busy.socket.pause();
    await app.fill('kept:2', 0, 1_000);
    await waitFor('the pause', () => app.backplane.stats().pauses === 1);
    behind.socket.pause();
    await app.fill('kept:1', 1, 2);
    const [socket] = app.gateway.server.clients;
    while (socket!.paused.size === 0) {
      app.gateway.server.to('kept:1').send(JSON.stringify({ event: 'filler', data: BIG }));
      await turns(1);
    }
    const channel = `{${app.eventKey}}:room:/chat:kept:1`;
    expect(await redis.cli('del', `log:${channel}`, `top:${channel}`)).toBe(2);
    await app.fill('kept:1', 2, 5);
    await quick.nextEvent('snapshot');
    await waitFor('the quick one', () => numbersOf(quick, 'kept:1').at(-1) === 4);
    for (const { socket: stalled } of [behind, busy]) stalled.resume();
    for (const member of [quick, behind, busy]) {
      await waitFor('all', () => numbersOf(member, 'kept:1').at(-1) === 4, 20_000);
      const frames = (member.received as Said[]).filter(
        ({ event, data }) => event === 'snapshot' || (event === 'said' && data.room === 'kept:1'),
      );
      const seen = frames.map(({ event, data }) => (event === 'said' ? data.n : event));
      expect(seen.slice(-4)).toEqual(['snapshot', 2, 3, 4]);
      expect(seen.filter((one) => one === 'snapshot')).toHaveLength(1);
    }
    await waitFor('the last', () => numbersOf(busy, 'kept:2').length === 1_000, 20_000);
    expect(app.gateway.told.toSorted()).toEqual([
      'all kept:1 new-epoch',
      'one kept:1 new-epoch',
      'one kept:1 new-epoch',
    ]);
  });
});

describe('a client that keeps count', () => {
  guardProcess();
  const track = closeAfterEach();

  it('is told the place of each event that has a history, and others are not', async () => {
    const app = track(await App.boot(10));
    const counting = track(
      await WsClient.connect(app.booted.url('/chat'), { protocols: ['backplane.v1'] }),
    );
    const plain = track(await app.member('kept:1'));
    await counting.request('join', 'kept:1');
    const published = await app.gateway.server.to('kept:1').publish('said', { n: 1 });
    app.gateway.server.to('kept:1').send('{"raw":1}');
    app.gateway.server.local.emit('here', 1);
    const of = async (ws: WsClient): Promise<unknown[]> => {
      // The first is the answer to its join.
      await waitFor('three frames', () => ws.received.length === 4);
      return ws.received.slice(1);
    };
    const { epoch, offset } = published!;
    const position = { room: 'kept:1', epoch, offset };
    expect(sorted(await of(counting))).toEqual(
      sorted([{ event: 'said', data: { n: 1 }, position }, { raw: 1 }, { event: 'here', data: 1 }]),
    );
    expect(sorted(await of(plain))).toEqual(
      sorted([{ event: 'said', data: { n: 1 } }, { raw: 1 }, { event: 'here', data: 1 }]),
    );
  });
});

const sorted = (frames: unknown): string[] =>
  (frames as unknown[])
    .map((frame) => JSON.stringify(frame))
    .toSorted((a, b) => a.localeCompare(b));
