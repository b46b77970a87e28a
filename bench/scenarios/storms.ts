import { median } from '../common/stats.js';
import { ONE_OF_A_KIND, type Scenario } from './scenario.js';

const JOINERS = 100;
const STORMS = 3;

/**
 * The floor subscribes with raw, pipelined commands. Only `floor`, `ours` and `sharded` subscribe
 * to rooms at all, and the last does not wait.
 */
export const joins: Scenario = {
  name: 'joins',
  title: 'Join storm: 100 clients join 100 rooms each, all distinct',
  instances: 1,
  targets: ['floor', 'ours', 'ours-nest11', 'sharded'],
  run: async (trial) => {
    const each = trial.size(100, 50);
    await trial.gather({ count: JOINERS });
    const times: number[] = [];
    for (let storm = 0; storm <= STORMS; storm++) {
      const rooms = Array.from({ length: JOINERS }, (_, i) =>
        Array.from({ length: each }, (_, k) => `storm-${storm}-${i * each + k}`),
      );
      const ms = await trial.join(rooms);
      // The first one warms up.
      if (storm > 0) times.push(ms);
    }
    return { joinedMs: median(times), lost: await trial.lost() };
  },
};

const ROOMS = 200;

export const reconnects: Scenario = {
  name: 'reconnects',
  title: 'Reconnect storm: 2,000 clients disconnect, and reconnect to one of two instances',
  instances: 2,
  targets: ONE_OF_A_KIND,
  quick: ['floor', 'ours'],
  run: async (trial) => {
    const count = trial.size(2_000, 400);
    const rooms = Array.from({ length: count }, (_, i) => [`room-${i % ROOMS}`]);
    await trial.gather({ count, rooms });
    const before = await trial.serverCpuUs();
    await trial.scatter();
    const { joinedMs } = await trial.gather({ count, rooms, instances: [1] });
    const cpuUs = (await trial.serverCpuUs()) - before;
    return { joinedMs, cpuPerClient: cpuUs / count, lost: await trial.lost() };
  },
};
