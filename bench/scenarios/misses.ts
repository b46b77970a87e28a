import { DEFAULT_PAYLOAD_BYTES } from './fan-out.js';
import type { Scenario } from './scenario.js';

const NAMES = 100;
const SPAN = 1_000;

/** One instance sends to rooms that the other does not hold: what does that cost the other? */
export const misses: Scenario = {
  name: 'misses',
  title: 'Misses: 5,000 messages a second to rooms without members on the measured instance',
  instances: 2,
  quick: ['ours'],
  run: async (trial) => {
    const count = 100;
    const rooms = Array.from({ length: count }, (_, i) => [`room-${SPAN + i}`]);
    await trial.gather({ count, rooms, instances: [1] });
    const idle = await trial.idle();
    const measured = await trial.measure({
      kind: 'paced',
      amount: 50,
      payloadBytes: DEFAULT_PAYLOAD_BYTES,
      names: NAMES,
      span: SPAN,
      deliveries: 0,
      instance: 0,
    });
    const idleUs = (idle.serverCpuUs[1]! / idle.seconds) * measured.seconds;
    const messages = measured.asked * NAMES;
    return {
      cpuPerMiss: (measured.serverCpuUs[1]! - idleUs) / messages,
      redisCpuPerMessage: measured.redisCpuUs / messages,
      lost: measured.lost,
    };
  },
};
