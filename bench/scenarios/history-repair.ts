import type { Latency } from '../common/latencies.js';
import { broadcastEncoder } from '../processes/library.js';
import { RawLogs } from '../processes/raw-logs.js';
import type { Trial } from './trial.js';
import type { Scenario } from './scenario.js';

const ROOMS_A_CLIENT = 100;
/** Every so-manieth room has missed a message: it is found only by looking at all of them. */
const MISSED_EVERY = 50;
const LOOK_EVERY_MS = 5;
const DEADLINE_MS = 60_000;

export const historyRepair: Scenario = {
  name: 'history-repair',
  title:
    'Repair: an instance with 50,000 rooms with history loses its link to Redis, and a message in every 50th room',
  instances: 1,
  settings: { history: true },
  targets: ['ours', 'ours-nest11'],
  quick: ['ours'],
  run: async (trial) => {
    const { redis } = trial;
    const count = trial.size(50_000, 5_000) / ROOMS_A_CLIENT;
    const rooms = Array.from({ length: count }, (_, i) =>
      Array.from({ length: ROOMS_A_CLIENT }, (_, k) => `room-${i * ROOMS_A_CLIENT + k}`),
    );
    await trial.gather({ count, rooms });
    const missed = rooms.flat().filter((_, i) => i % MISSED_EVERY === MISSED_EVERY - 1);
    const logs = await RawLogs.on(redis.client);
    const instance = await redis.otherClients();
    const pinger = trial.helper('The bystander', 'processes/pinger.js');
    await pinger.call('start', { host: redis.host, port: redis.port });
    await sleep(trial.size(2_000, 500));
    const before = await pinger.call<Latency>('take');
    await trial.watchLoop();
    const encode = await broadcastEncoder();
    await logs.append(missed, encode('said', { t: 0, text: 'missed' }), true);
    // What the bench itself asks of Redis is no part of a reconnect.
    await pinger.call('take');
    const begun = performance.now();
    await redis.disconnect(instance);
    const ending = await pinger.call<Latency | undefined>('mark');
    const delivered = await untilDelivered(trial, missed.length);
    const repairedMs = performance.now() - begun;
    const { all, latest } = await pinger.call<{ all: Latency; latest: Latency }>('stop');
    const { max } = await trial.loopDelay();
    const lost = (await trial.lost()) + missed.length - delivered;
    return {
      repairedMs,
      pingP99Before: before.p99,
      pingP50: all.p50,
      pingP99: all.p99,
      ...(ending && { pingMaxEnding: ending.max }),
      pingP99After: latest.p99,
      pingMaxAfter: latest.max,
      loopDelay: max,
      lost,
    };
  },
};

async function untilDelivered(trial: Trial, count: number): Promise<number> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const delivered = await trial.delivered();
    if (delivered >= count || performance.now() > deadline) return delivered;
    await sleep(LOOK_EVERY_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
