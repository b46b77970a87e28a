import { expect, it } from '@jest/globals';
import {
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  ConnectedSocket,
  MessageBody,
} from '@nestjs/websockets';
import {
  Backplane,
  type BackplaneServer,
  type BackplaneSocket,
  BackplaneNotReplicatedError,
  BackplaneUnavailableError,
  type ContinuityLoss,
  type LossReason,
  type OnContinuityLost,
  RedisBackplaneModule,
} from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { type BootedApp, bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';
import { ownKey } from './fixtures/instance.js';

interface Told {
  readonly room: string | undefined;
  readonly reason: LossReason;
  readonly loss: ContinuityLoss;
}

@WebSocketGateway({ path: '/chat' })
class ChatGateway implements OnContinuityLost {
  @WebSocketServer() server!: BackplaneServer;
  readonly told: Told[] = [];

  @SubscribeMessage('join')
  join(@ConnectedSocket() client: BackplaneSocket, @MessageBody() room: string): Promise<void> {
    return client.join(room);
  }

  onContinuityLost(
    client: BackplaneSocket | undefined,
    room: string | undefined,
    reason: LossReason,
    loss: ContinuityLoss,
  ): void {
    expect(client).toBeUndefined();
    this.told.push({ room, reason, loss });
    this.server.local.to(room!).emit('snapshot', loss.offset);
  }
}

class Instance {
  static async boot(redis: string, eventKeys: string[]): Promise<Instance> {
    const booted = await bootApp({
      imports: [
        RedisBackplaneModule.forRoot({
          redis,
          eventKeys,
          history: [
            { rooms: 'kept:*', size: 10_000, ttlMs: 60_000 },
            { rooms: 'safe:*', size: 10, ttlMs: 60_000, durability: 'replicated' },
          ],
        }),
      ],
      providers: [ChatGateway],
    });
    await booted.app.get(Backplane).ready();
    return new Instance(booted);
  }

  private constructor(readonly booted: BootedApp) {}

  get gateway(): ChatGateway {
    return this.booted.app.get(ChatGateway);
  }

  get backplane(): Backplane {
    return this.booted.app.get(Backplane);
  }

  async connect(room: string): Promise<Member> {
    const ws = await WsClient.connect(this.booted.url('/chat'));
    await ws.request('join', room);
    return new Member(ws);
  }

  dispose(): Promise<void> {
    return this.booted.close();
  }
}

/** A client that is in a room. */
class Member {
  constructor(private readonly ws: WsClient) {}

  /** The data of all events of that name, as text. */
  heard(event = 'said'): string {
    const frames = this.ws.received as { event: string; data: unknown }[];
    return frames
      .filter((frame) => frame.event === event)
      .map(({ data }) => String(data))
      .join();
  }

  dispose(): Promise<unknown> {
    return this.ws.dispose();
  }
}

/** Long lists, told apart by where they part. */
function expectSame(got: string, expected: string): void {
  let at = 0;
  while (at < got.length && got[at] === expected[at]) at++;
  if (got !== expected)
    expect(got.slice(Math.max(0, at - 20), at + 20)).toBe(
      expected.slice(Math.max(0, at - 20), at + 20),
    );
}

const upTo = (count: number): string => Array.from({ length: count }, (_, n) => n).join();

describeWithRedis('Rooms with history, while Redis fails', () => {
  guardProcess();
  const track = closeAfterEach();

  it('the links of all instances are cut again and again: nothing is lost, doubled or out of order', async () => {
    const redis = track(await RedisServer.start());
    const key = ownKey();
    const [a, b] = [
      track(await Instance.boot(redis.url, key)),
      track(await Instance.boot(redis.url, key)),
    ];
    const members = [track(await a.connect('kept:1')), track(await b.connect('kept:1'))];
    // All of them fit into the outbox.
    const count = 1_000;
    for (let n = 0; n < count; n++) {
      a.gateway.server.to('kept:1').emit('said', n);
      if (n % 200 === 100) await redis.cli('client', 'kill', 'type', 'pubsub');
      if (n % 200 === 199) await redis.cli('client', 'kill', 'type', 'normal', 'skipme', 'yes');
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor(
      'everything',
      () => members.every((m) => m.heard().endsWith(`${count - 1}`)),
      20_000,
    );
    for (const member of members) expectSame(member.heard(), upTo(count));
    expect([...a.gateway.told, ...b.gateway.told]).toEqual([]);
    expect(a.backplane.stats()).toMatchObject({ unsent: 0, lostSpans: 0, outbox: 0 });
  });

  it('only the way in is cut: what came meanwhile is read from the log, in well under a second', async () => {
    const redis = track(await RedisServer.start());
    const key = ownKey();
    const a = track(await Instance.boot(redis.url, key));
    const proxy = track(await TcpProxy.start(redis.port));
    const b = track(await Instance.boot(`redis://127.0.0.1:${proxy.port}`, key));
    const member = track(await b.connect('kept:1'));
    proxy.cut();
    for (let n = 0; n < 100; n++) await a.gateway.server.to('kept:1').publish('said', n);
    await b.backplane.ready();
    const back = performance.now();
    await waitFor('everything', () => member.heard() === upTo(100));
    expect(performance.now() - back).toBeLessThan(1_000);
    expect(b.backplane.stats().repaired).toBeGreaterThan(0);
    expect(b.gateway.told).toEqual([]);
  });

  it('Redis comes back empty: the members are told, and what waited for it arrives', async () => {
    const redis = track(await RedisServer.start());
    const a = track(await Instance.boot(redis.url, ownKey()));
    const member = track(await a.connect('kept:1'));
    const { server } = a.gateway;
    await server.to('kept:1').publish('said', 0);
    await waitFor('the first', () => member.heard() === '0');
    await redis.kill();
    await waitFor('degraded', () => a.backplane.status === 'degraded');
    server.to('kept:1').emit('said', 1);
    await expect(server.to('kept:1').publish('said', 'no')).rejects.toThrow(
      BackplaneUnavailableError,
    );
    const queued = server.to('kept:1').publish('said', 2, { queue: true });
    expect(a.backplane.stats().outbox).toBe(2);
    await redis.restart();
    expect(await queued).toMatchObject({ offset: 2, duplicate: false });
    await waitFor('what waited', () => member.heard() === upTo(3));
    expect(a.gateway.told).toMatchObject([
      { room: 'kept:1', reason: 'new-epoch', loss: { hub: '/chat', lastOffset: 1 } },
    ]);
    expect(member.heard('snapshot')).toMatch(/^\d$/);
    expect(a.backplane.stats()).toMatchObject({ lostSpans: 1, outbox: 0 });
  });

  it('who joins while Redis is away gets what is sent here from then on', async () => {
    const redis = track(await RedisServer.start());
    const a = track(await Instance.boot(redis.url, ownKey()));
    await redis.kill();
    await waitFor('degraded', () => a.backplane.status === 'degraded');
    const room = a.gateway.server.to('kept:1');
    room.emit('said', 'before');
    const member = track(await a.connect('kept:1'));
    for (let n = 0; n < 3; n++) room.emit('said', n);
    await redis.restart();
    await a.backplane.ready();
    room.emit('said', 3);
    await room.publish('said', 4);
    await waitFor('the last', () => member.heard().endsWith('4'));
    expect(member.heard()).toBe(`before,${upTo(5)}`);
    // Nobody can know here that nobody else has sent anything.
    expect(a.gateway.told).toMatchObject([{ room: 'kept:1', reason: 'joined-offline' }]);
  });

  it('what was missed is not kept any more: said', async () => {
    const redis = track(await RedisServer.start());
    const key = ownKey();
    const a = track(await Instance.boot(redis.url, key));
    const proxy = track(await TcpProxy.start(redis.port));
    const b = track(await Instance.boot(`redis://127.0.0.1:${proxy.port}`, key));
    const member = track(await b.connect('kept:1'));
    await a.gateway.server.to('kept:1').publish('said', 0);
    await waitFor('the first', () => member.heard() === '0');
    const heard: ContinuityLoss[] = [];
    b.backplane.on('continuityLost', () => {
      throw new Error("the app's own");
    });
    b.backplane.on('continuityLost', (loss) => void heard.push(loss));
    proxy.refuse();
    proxy.cut();
    await waitFor('degraded', () => b.backplane.status === 'degraded');
    for (let n = 1; n < 5; n++) await a.gateway.server.to('kept:1').publish('said', n);
    await redis.cli('del', `log:{${key[0]}}:room:/chat:kept:1`);
    await proxy.acceptAgain();
    await waitFor('the word', () => b.gateway.told.length === 1);
    expect(b.gateway.told).toMatchObject([
      { room: 'kept:1', reason: 'trimmed', loss: { lastOffset: 1, offset: 5 } },
    ]);
    expect(heard).toEqual(b.gateway.told.map(({ loss }) => loss));
    await a.gateway.server.to('kept:1').publish('said', 5);
    await waitFor('the next', () => member.heard() === '0,5');
    expect(member.heard('snapshot')).toBe('5');
  });

  it('there is no replica: a message that wants one says so in time, and holds up no other', async () => {
    const redis = track(await RedisServer.start());
    const a = track(await Instance.boot(redis.url, ownKey()));
    const member = track(await a.connect('safe:1'));
    const room = a.gateway.server.to('safe:1');
    const refused = (publishing: Promise<unknown>): Promise<void> =>
      expect(publishing).rejects.toThrow(BackplaneNotReplicatedError);
    await refused(room.publish('said', 0, { id: 'same' }));
    await refused(room.publish('said', 'again', { id: 'same' }));
    const queued = refused(room.publish('said', 1, { queue: true }));
    room.emit('said', 2);
    await waitFor('all', () => member.heard() === upTo(3));
    await queued;
    expect(a.backplane.stats()).toMatchObject({ outbox: 0, unsent: 0 });
  });

  it('the outbox is bounded: what does not fit is refused, and counted', async () => {
    const redis = track(await RedisServer.start());
    const a = track(await Instance.boot(redis.url, ownKey()));
    const member = track(await a.connect('kept:1'));
    await redis.kill();
    await waitFor('degraded', () => a.backplane.status === 'degraded');
    const room = a.gateway.server.to('kept:1');
    for (let n = 0; n < 1_000; n++) room.emit('said', n);
    room.emit('said', 'too many');
    await expect(room.publish('said', 'too many', { queue: true })).rejects.toThrow(
      /outbox is full/,
    );
    expect(a.backplane.stats()).toMatchObject({ outbox: 1_000, unsent: 1 });
    await redis.restart();
    await waitFor('what waited', () => member.heard() === upTo(1_000));
  });
});
