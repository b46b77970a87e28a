import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Instance, ownKey, report } from '../faults/fixtures/instance.js';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import type { WsClient } from '../support/ws-client.js';
import { RedisProxy } from './stage/redis-proxy.js';

const ONE_IN = 50;
const BUSY_MESSAGES = 3_000;
const QUIET_ROOMS = 60;
/** A repair asks Redis once; that a room has gone quiet is noticed after a second. */
const P99_MS = 1_500;

interface Numbered {
  readonly room: string;
  readonly n: number;
  readonly at: number;
}

/** When each message came, by room and number. */
function listen(client: WsClient): Map<string, number> {
  const delays = new Map<string, number>();
  client.socket.on('message', (frame: Buffer) => {
    const { event, data } = JSON.parse(frame.toString()) as { event?: string; data: Numbered };
    if (event !== 'numbered') return;
    const key = `${data.room} ${data.n}`;
    if (delays.has(key)) throw new Error(`${key} came twice.`);
    delays.set(key, Date.now() - data.at);
  });
  return delays;
}

function percentile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * part) - 1]!;
}

describeWithRedis(`Published messages of which one in ${ONE_IN} is lost on the way`, () => {
  guardProcess();
  const track = closeAfterEach();

  it('all arrive, in order and soon, and nobody is disconnected', async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await RedisProxy.start(redis.port));
    const options = {
      eventKeys: ownKey(),
      history: [{ rooms: 'log:*', size: 5_000, ttlMs: 300_000 }],
    };
    const log = new LogCapture();
    const near = track(await Instance.boot({ ...options, redis: redis.url }, log));
    const far = track(
      await Instance.boot({ ...options, redis: { host: '127.0.0.1', port: proxy.port } }, log),
    );
    await Promise.all([near.awaitStatus('ready'), far.awaitStatus('ready')]);
    const quiet = Array.from({ length: QUIET_ROOMS }, (_, i) => `log:quiet ${i}`);
    const clients = [
      track(await far.connect('log:busy', ...quiet)),
      track(await far.connect('log:busy')),
    ];
    const [all, busy] = clients.map(listen) as [Map<string, number>, Map<string, number>];

    const lost = new Set<string>();
    let count = 0;
    proxy.drop((channel, message) => {
      // In the quiet rooms each is the last one, and the only one.
      const isLost = channel.includes(':log:') && (/quiet/.test(channel) || ++count % ONE_IN === 0);
      if (isLost)
        lost.add(/"room":"([^"]+)","n":(\d+)/.exec(message.toString())!.slice(1).join(' '));
      return isLost;
    });
    const say = (room: string, n: number): Promise<unknown> =>
      near.server.to(room).publish('numbered', { room, n, at: Date.now() } satisfies Numbered);
    await Promise.all(quiet.map((room) => say(room, 1)));
    for (let n = 1; n <= BUSY_MESSAGES; n++) {
      await say('log:busy', n);
      if (n % 10 === 0) await delay(10);
    }

    await waitFor('all to arrive', () => all.size === BUSY_MESSAGES + QUIET_ROOMS, 20_000);
    await waitFor('all to arrive at the other', () => busy.size === BUSY_MESSAGES, 20_000);
    const inOrder = Array.from({ length: BUSY_MESSAGES }, (_, i) => `log:busy ${i + 1}`);
    expect([...busy.keys()]).toEqual(inOrder);
    expect([...all.keys()].filter((key) => key.startsWith('log:busy'))).toEqual(inOrder);
    expect(lost.size).toBeGreaterThanOrEqual(QUIET_ROOMS + BUSY_MESSAGES / ONE_IN);
    const delays = [...lost].map((key) => all.get(key)!);
    const p99 = percentile(delays, 0.99);
    report(
      `${lost.size} lost messages came ${percentile(delays, 0.5)} ms late (median), ${p99} ms (p99)`,
    );
    expect(p99).toBeLessThan(P99_MS);
    expect(clients.map(({ closeInfo }) => closeInfo)).toEqual([undefined, undefined]);
    expect(far.backplane.stats().lostSpans).toBe(0);
    expect(far.statuses()).toEqual(['ready']);
  }, 90_000);
});
