import { ONE_OF_A_KIND, type Scenario } from './scenario.js';

const KIB = 1024;

const idle = (handlers: number, quick: Scenario['quick']): Scenario => ({
  name: `idle-${handlers}`,
  title: `Idle memory: 10,000 connections to a gateway with ${handlers} handler${handlers === 1 ? '' : 's'}`,
  instances: 1,
  settings: { idleHandlers: handlers },
  targets: ONE_OF_A_KIND,
  quick,
  run: async (trial) => {
    // What is made once, however many connect, is there already.
    await trial.gather({ count: 200 });
    const before = await trial.memory();
    const count = trial.size(10_000, 1_000);
    await trial.gather({ count });
    const after = await trial.memory();
    return {
      heapPerConnection: (after.heapBytes - before.heapBytes) / count / KIB,
      rssPerConnection: (after.rssBytes - before.rssBytes) / count / KIB,
      lost: await trial.lost(),
    };
  },
});

export const idles: readonly Scenario[] = [
  idle(1, ['floor', 'ours']),
  idle(20, ['floor', 'ours', 'stock']),
];
