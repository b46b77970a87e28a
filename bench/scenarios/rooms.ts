import { deliveryFigures, DEFAULT_PAYLOAD_BYTES } from './fan-out.js';
import type { Scenario } from './scenario.js';

const MEMBERS = 5;
/** Messages that one ask asks for, each to another room. */
const NAMES = 50;

/** As many rooms as clients, and each client in five of them. */
export const manyRooms: Scenario = {
  name: 'rooms',
  title: 'Many rooms: 2,000 rooms of 5 members, in turn',
  instances: 2,
  quick: ['floor', 'ours'],
  run: async (trial) => {
    const count = trial.size(2_000, 400);
    const rooms = Array.from({ length: count }, (_, i) =>
      Array.from({ length: MEMBERS }, (_, k) => `room-${(i + k) % count}`),
    );
    await trial.gather({ count, rooms });
    const measured = await trial.measure({
      kind: 'window',
      amount: 8,
      payloadBytes: DEFAULT_PAYLOAD_BYTES,
      names: NAMES,
      span: count,
      deliveries: NAMES * MEMBERS,
    });
    return deliveryFigures(measured, NAMES);
  },
};
