import type { Work } from '../driver/work.js';
import type { Measured } from './trial.js';
import type { Figures } from '../common/figures.js';
import { ONE_OF_A_KIND, oneRoom, type Scenario } from './scenario.js';

export const DEFAULT_PAYLOAD_BYTES = 200;

/** The figures of work that delivers. */
export function deliveryFigures(measured: Measured, messagesPerAsk = 1): Figures {
  const { delivered, seconds, serverCpuUs, redisCpuUs, driverCpuUs, asked, latency, lost } =
    measured;
  const servers = serverCpuUs.reduce((sum, us) => sum + us, 0);
  return {
    deliveredPerSecond: delivered / seconds,
    cpuPerDelivery: servers / delivered,
    redisCpuPerMessage: redisCpuUs / (asked * messagesPerAsk),
    driverCpuPerDelivery: driverCpuUs / delivered,
    ...(latency && { p50: latency.p50, p99: latency.p99, p999: latency.p999 }),
    lost,
  };
}

interface RoomWork {
  readonly members: number;
  readonly quickMembers: number;
  readonly work: Omit<Work, 'deliveries' | 'payloadBytes'> & Partial<Work>;
}

type FanOut = Omit<Scenario, 'instances' | 'run'> & RoomWork;

/** One room, on two instances. */
export function fanOut({ members, quickMembers, work, ...scenario }: FanOut): Scenario {
  return {
    ...scenario,
    instances: 2,
    run: async (trial) => {
      const count = trial.size(members, quickMembers);
      await trial.gather(oneRoom(count));
      const payloadBytes = work.payloadBytes ?? DEFAULT_PAYLOAD_BYTES;
      return deliveryFigures(await trial.measure({ ...work, payloadBytes, deliveries: count }));
    },
  };
}

const PACED: RoomWork['work'] = { kind: 'paced', amount: 20 };
const SATURATED: RoomWork['work'] = { kind: 'window', amount: 32 };

export const PACED_ROOM: RoomWork = { members: 1_000, quickMembers: 500, work: PACED };
export const SATURATED_ROOM: RoomWork = { members: 500, quickMembers: 500, work: SATURATED };

export const paced = fanOut({
  name: 'paced',
  title: 'Paced fan-out: one room, 1,000 members, 20 messages a second',
  quick: ['floor', 'ours', 'stock'],
  ...PACED_ROOM,
});

export const saturated = fanOut({
  name: 'saturated',
  title: 'Saturated fan-out: one room, 500 members, 32 messages in flight',
  ...SATURATED_ROOM,
});

const payload = (name: string, size: string, payloadBytes: number): Scenario =>
  fanOut({
    name,
    title: `Saturated fan-out of ${size}`,
    members: 500,
    quickMembers: 500,
    work: { ...SATURATED, payloadBytes },
    targets: ONE_OF_A_KIND,
    quick: false,
  });

export const payloads: readonly Scenario[] = [
  payload('payload-100b', '100 B', 100),
  payload('payload-1k', '1 KB', 1_024),
  payload('payload-16k', '16 KB', 16_384),
];

const deflate = (on: boolean): Scenario =>
  fanOut({
    name: on ? 'deflate-on' : 'deflate-off',
    title: `Deflate ${on ? 'on' : 'off'}: one room, 1,000 members, 20 messages of 1.5 KB a second`,
    members: 1_000,
    quickMembers: 500,
    work: { ...PACED, payloadBytes: 1_536 },
    settings: { deflate: on },
    targets: ONE_OF_A_KIND,
    quick: false,
  });

export const deflates: readonly Scenario[] = [deflate(false), deflate(true)];

const coalesce = (coalesceMs: number): Scenario =>
  fanOut({
    name: `coalesce-${coalesceMs}`,
    title: `coalesceMs ${coalesceMs}: one room, 500 members, 200 messages a second`,
    members: 500,
    quickMembers: 250,
    work: { kind: 'paced', amount: 200 },
    // The default is what it is without the option.
    settings: coalesceMs === 0 ? {} : { coalesceMs },
    targets: ['ours', 'ours-nest11'],
    quick: ['ours'],
  });

export const coalescing: readonly Scenario[] = [coalesce(0), coalesce(20)];
