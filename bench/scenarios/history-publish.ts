import { RawLogs } from '../processes/raw-logs.js';
import type { PublishWork } from '../publishers/publisher.js';
import { DEFAULT_PAYLOAD_BYTES } from './fan-out.js';
import type { Scenario } from './scenario.js';

/** The floor makes the same calls to Redis from a bare script. */
const publishTo = (rooms: number, where: string): Scenario => ({
  name: `history-publish-${rooms}`,
  title: `Publishing with history to ${where}, from one process, 500 messages in flight`,
  instances: 0,
  targets: ['floor', 'ours'],
  run: async (trial) => {
    const { redis } = trial;
    const publisher = trial.helper('The publisher', 'publishers/host.js', trial.target.server);
    const { host, port } = redis;
    await publisher.call('start', { redis: { host, port } });
    const publish = (count: number): Promise<number> => {
      const work: PublishWork = { rooms, payloadBytes: DEFAULT_PAYLOAD_BYTES, count };
      return publisher.call('publish', work);
    };
    const warmUp = trial.size(30_000, 10_000);
    const count = trial.size(60_000, 10_000);
    await publish(warmUp);
    const before = [await publisher.usage(), await redis.usage()] as const;
    const seconds = await publish(count);
    const after = [await publisher.usage(), await redis.usage()] as const;
    return {
      publishedPerSecond: count / seconds,
      cpuPerPublish: (after[0].cpuUs - before[0].cpuUs) / count,
      redisCpuPerMessage: (after[1].cpuUs - before[1].cpuUs) / count,
      lost: Math.abs(warmUp + count - (await RawLogs.taken(redis.client))),
    };
  },
});

export const historyPublishes: readonly Scenario[] = [
  publishTo(1, 'one room'),
  publishTo(1_000, '1,000 rooms'),
];
