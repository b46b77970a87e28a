import { DEFAULT_PAYLOAD_BYTES, deliveryFigures } from './fan-out.js';
import { ONE_OF_A_KIND, type Scenario } from './scenario.js';

const CONNECTIONS = 5;
const BURST = 50;

export const users: Scenario = {
  name: 'users',
  title: "Bursts of 50 messages to a user's 5 connections",
  instances: 2,
  targets: ONE_OF_A_KIND,
  quick: ['floor', 'ours'],
  run: async (trial) => {
    const span = trial.size(200, 50);
    const count = span * CONNECTIONS;
    const users = Array.from({ length: count }, (_, i) => `user-${i % span}`);
    await trial.gather({ count, users });
    const measured = await trial.measure({
      kind: 'window',
      amount: 4,
      payloadBytes: DEFAULT_PAYLOAD_BYTES,
      to: 'user',
      copies: BURST,
      span,
      deliveries: BURST * CONNECTIONS,
    });
    return deliveryFigures(measured, BURST);
  },
};
