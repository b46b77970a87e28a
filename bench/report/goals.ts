import type { FigureName } from '../common/figures.js';
import { FLOOR, OURS, PEER_NAMES, SOCKET_IO_NAMES } from '../targets/catalogue.js';

/** A figure, if it was measured. */
export type LookUp = (scenario: string, target: string, figure: FigureName) => number | undefined;

export interface GoalResult {
  readonly name: string;
  readonly title: string;
  readonly goal: string;
  /** Undefined if this run did not measure it. */
  readonly value: number | undefined;
  readonly met: boolean | undefined;
}

interface Goal {
  readonly name: string;
  readonly title: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly value: (find: LookUp) => number | undefined;
}

/** What the package has set itself, as ratios within one run. */
const GOALS: readonly Goal[] = [
  {
    name: 'saturated-floor',
    title: 'saturated fan-out: deliveries per second, relative to the floor',
    atLeast: 1,
    value: toFloor('saturated', 'deliveredPerSecond'),
  },
  {
    name: 'saturated-socket-io',
    title: 'saturated fan-out: deliveries per second, relative to the best Socket.IO adapter',
    atLeast: 5,
    value: (find) =>
      ratio(
        find('saturated', OURS, 'deliveredPerSecond'),
        best(find, SOCKET_IO_NAMES, 'saturated', 'deliveredPerSecond', Math.max),
      ),
  },
  {
    name: 'saturated-cpu',
    title: 'saturated fan-out: CPU per delivery, relative to the floor',
    atMost: 1,
    value: toFloor('saturated', 'cpuPerDelivery'),
  },
  {
    name: 'paced-cpu',
    title: 'paced fan-out: CPU per delivery, relative to the floor',
    atMost: 1.15,
    value: toFloor('paced', 'cpuPerDelivery'),
  },
  {
    name: 'paced-p99',
    title: 'paced fan-out: p99, relative to the best peer',
    atMost: 1,
    value: (find) =>
      ratio(find('paced', OURS, 'p99'), best(find, PEER_NAMES, 'paced', 'p99', Math.min)),
  },
  ...['burst-users', 'burst-call', 'burst-large'].map((scenario) => ({
    name: scenario,
    title: `${scenario}: time to the last arrival of the best Socket.IO adapter, relative to ours`,
    atLeast: 3,
    value: (find: LookUp) =>
      ratio(
        best(find, SOCKET_IO_NAMES, scenario, 'arrivedMs', Math.min),
        find(scenario, OURS, 'arrivedMs'),
      ),
  })),
  {
    name: 'ask-cpu',
    title: 'request and answer: CPU, relative to plain ws',
    atMost: 1.4,
    value: toFloor('ask', 'cpuPerRequest'),
  },
  {
    name: 'ask-stock',
    title: 'request and answer: CPU, relative to the stock WsAdapter',
    atMost: 1,
    value: (find) =>
      ratio(find('ask', OURS, 'cpuPerRequest'), find('ask', 'stock', 'cpuPerRequest')),
  },
  {
    name: 'coalesce-cpu',
    title: 'coalesceMs 20: CPU per delivery, relative to coalesceMs 0',
    atMost: 0.5,
    value: between('coalesce-20', 'coalesce-0', 'cpuPerDelivery'),
  },
  {
    name: 'coalesce-p99',
    title: 'coalesceMs 20: p99 above that of coalesceMs 0, in ms',
    atMost: 25,
    value: (find) => {
      const [on, off] = [find('coalesce-20', OURS, 'p99'), find('coalesce-0', OURS, 'p99')];
      return on !== undefined && off !== undefined ? on - off : undefined;
    },
  },
  {
    name: 'miss',
    title: 'a miss: CPU above that of an idle instance, in µs',
    // "None", as far as it can be told from an idle instance: the classic adapter's is some 7 to
    // 13.
    atMost: 0.2,
    value: (find) => find('misses', OURS, 'cpuPerMiss'),
  },
  {
    name: 'idle-heap-1',
    title: 'heap per idle connection, 1 handler, relative to plain ws',
    atMost: 1.5,
    value: toFloor('idle-1', 'heapPerConnection'),
  },
  {
    name: 'idle-heap-20',
    title: 'heap per idle connection, 20 handlers, relative to the stock WsAdapter',
    atMost: 0.75,
    value: (find) =>
      ratio(
        find('idle-20', OURS, 'heapPerConnection'),
        find('idle-20', 'stock', 'heapPerConnection'),
      ),
  },
  {
    name: 'joins',
    title:
      'joins of distinct rooms: time, relative to the same SUBSCRIBEs as raw, pipelined commands',
    atMost: 1.5,
    value: toFloor('joins', 'joinedMs'),
  },
  {
    name: 'deflate',
    title: 'deflate on: CPU per delivery, relative to deflate off',
    atMost: 1.5,
    value: between('deflate-on', 'deflate-off', 'cpuPerDelivery'),
  },
  {
    name: 'history-publish-1',
    title:
      'publishing with history to one room: messages per second, relative to a bare script of the same commands',
    atLeast: 0.6,
    value: toFloor('history-publish-1', 'publishedPerSecond'),
  },
  {
    name: 'history-publish-1000',
    title:
      'publishing with history to 1,000 rooms: messages per second, relative to a bare script of the same commands',
    atLeast: 0.6,
    value: toFloor('history-publish-1000', 'publishedPerSecond'),
  },
  {
    name: 'history-repair',
    title: 'repair of 50,000 rooms with history after a reconnect: time, in ms',
    atMost: 5_000,
    value: (find) => find('history-repair', OURS, 'repairedMs'),
  },
  {
    name: 'history-repair-ping',
    title: 'p99 of the PINGs of another client during that repair, in ms',
    atMost: 20,
    value: (find) => find('history-repair', OURS, 'pingP99'),
  },
  {
    name: 'history-repair-ping-after',
    title: 'the same, after Redis has ended the old connection, in ms',
    atMost: 20,
    value: (find) => find('history-repair', OURS, 'pingP99After'),
  },
];

export function goals(find: LookUp): GoalResult[] {
  return GOALS.map(({ name, title, atLeast, atMost, value: valueOf }) => {
    const value = valueOf(find);
    const goal = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
    const met =
      value === undefined
        ? undefined
        : value >= (atLeast ?? Number.NEGATIVE_INFINITY) &&
          value <= (atMost ?? Number.POSITIVE_INFINITY);
    return { name, title, goal, value, met };
  });
}

function toFloor(scenario: string, figure: FigureName): Goal['value'] {
  return (find) => ratio(find(scenario, OURS, figure), find(scenario, FLOOR, figure));
}

function between(scenario: string, other: string, figure: FigureName): Goal['value'] {
  return (find) => ratio(find(scenario, OURS, figure), find(other, OURS, figure));
}

function best(
  find: LookUp,
  names: readonly string[],
  scenario: string,
  figure: FigureName,
  pick: (...values: number[]) => number,
): number | undefined {
  const values = names
    .map((name) => find(scenario, name, figure))
    .filter((one) => one !== undefined);
  // Of some of them it would be another best.
  return values.length === names.length ? pick(...values) : undefined;
}

function ratio(value: number | undefined, base: number | undefined): number | undefined {
  return value !== undefined && base !== undefined && base > 0 ? value / base : undefined;
}
