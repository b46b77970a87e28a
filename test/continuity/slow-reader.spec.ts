import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ConnectedSocket,
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
import { ownKey, report } from '../faults/fixtures/instance.js';
import { closeAfterEach } from '../support/cleanup.js';
import { bootApp } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { WsClient } from '../support/ws-client.js';
import { SlowNetwork } from './stage/slow-network.js';

const ROOM = 'stream';
const MESSAGE_BYTES = 10_000;
const EVERY_MS = 10;
const READ_BYTES = 1_000;
const READ_EVERY_MS = 100;
/** The system's own buffers, some MiB, must be full long before the end. */
const SECONDS = Number(process.env.SLOW_READER_SECONDS ?? 12);
const BUFFER_LIMIT_BYTES = 256 * 1024;
/** One answer of the log. */
const SLACK_BYTES = 1.5 * 1024 * 1024;
/** Of those who read. */
const P99_MS = 1_000;

@WebSocketGateway({ path: '/stream' })
class StreamGateway implements OnContinuityLost {
  @WebSocketServer() readonly server!: BackplaneServer;

  @SubscribeMessage('join')
  join(@ConnectedSocket() client: BackplaneSocket): Promise<void> {
    return client.join(ROOM);
  }

  onContinuityLost(client: BackplaneSocket | undefined, _: unknown, reason: LossReason): void {
    client!.emit('lost', reason);
  }
}

interface Heard {
  /** The numbers of messages; a loss is 0. */
  readonly numbers: number[];
  readonly delaysMs: number[];
}

function listen({ socket }: WsClient): Heard {
  const heard: Heard = { numbers: [], delaysMs: [] };
  socket.on('message', (frame: Buffer) => {
    const { event, data } = JSON.parse(frame.toString()) as {
      event?: string;
      data: { n: number; at: number };
    };
    if (event === 'lost') heard.numbers.push(0);
    if (event !== 'part') return;
    heard.numbers.push(data.n);
    heard.delaysMs.push(Date.now() - data.at);
  });
  return heard;
}

/** Where a number does not follow the one before it, and nothing was said. */
function silentBreaks({ numbers }: Heard): string[] {
  return numbers.flatMap((n, i) => {
    const before = numbers[i - 1] ?? 0;
    return n === 0 || before === 0 || n === before + 1 ? [] : [`${n} after ${before}`];
  });
}

describeWithRedis("A client that reads 10 KB of 1 MB a second, under slowClient: 'pause'", () => {
  guardProcess();
  const track = closeAfterEach();

  it.each([
    { keeps: 'all of it', size: 10_000, losses: false },
    { keeps: 'the last 2 MB', size: 200, losses: true },
  ])(
    'gets all that a log has which keeps $keeps, or is told',
    async ({ size, losses }) => {
      const redis = track(await RedisServer.start());
      const booted = track(
        await bootApp({
          imports: [
            RedisBackplaneModule.forRoot({
              redis: redis.url,
              eventKeys: ownKey(),
              slowClient: 'pause',
              bufferLimitBytes: BUFFER_LIMIT_BYTES,
              heartbeat: false,
              history: [{ rooms: ROOM, size, ttlMs: 300_000 }],
            }),
          ],
          providers: [StreamGateway],
        }),
      );
      const { server } = booted.app.get(StreamGateway);
      const backplane = booted.app.get(Backplane);
      await backplane.ready();
      const network = track(await SlowNetwork.start(booted.port, READ_BYTES, READ_EVERY_MS));
      const slow = track(await WsClient.connect(`ws://127.0.0.1:${network.port}/stream`));
      await slow.request('join');
      const [slowSocket] = server.clients;
      const quick = track(await WsClient.connect(booted.url('/stream')));
      await quick.request('join');
      const [slowHeard, quickHeard] = [listen(slow), listen(quick)];

      const count = (SECONDS * 1_000) / EVERY_MS;
      const filling = 'x'.repeat(MESSAGE_BYTES);
      const began = performance.now();
      let mostBuffered = 0;
      for (let n = 1; n <= count; n++) {
        await server.to(ROOM).publish('part', { n, at: Date.now(), filling });
        mostBuffered = Math.max(mostBuffered, slowSocket!.bufferedAmount);
        await delay(began + n * EVERY_MS - performance.now());
      }
      await waitFor('the quick one', () => quickHeard.numbers.at(-1) === count, 30_000);
      expect(backplane.stats().pauses).toBeGreaterThan(0);
      expect(slowHeard.numbers.length).toBeLessThan(count / 10);

      network.beQuick();
      await waitFor('the slow one', () => slowSocket!.paused.size === 0, 60_000);
      await server.to(ROOM).publish('part', { n: count + 1, at: Date.now() });
      for (const heard of [slowHeard, quickHeard])
        await waitFor('the last', () => heard.numbers.at(-1) === count + 1, 60_000);

      const told = slowHeard.numbers.filter((n) => n === 0).length;
      const p99 = quickHeard.delaysMs.toSorted((a, b) => a - b)[Math.floor(count * 0.99)]!;
      report(
        `${count} messages: the slow one got ${slowHeard.numbers.length - told} and was told of ${told} losses, ` +
          `with at most ${mostBuffered} bytes waiting for it; the quick one waited ${p99} ms (p99)`,
      );
      expect(silentBreaks(slowHeard)).toEqual([]);
      expect(told > 0).toBe(losses);
      expect(mostBuffered).toBeLessThan(BUFFER_LIMIT_BYTES + SLACK_BYTES);
      expect(silentBreaks(quickHeard)).toEqual([]);
      expect(quickHeard.numbers).toHaveLength(count + 1);
      expect(p99).toBeLessThan(P99_MS);
      expect(slow.closeInfo).toBeUndefined();
    },
    (SECONDS + 150) * 1_000,
  );
});
