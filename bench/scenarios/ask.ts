import type { Scenario } from './scenario.js';

export const ask: Scenario = {
  name: 'ask',
  title: 'Request and answer: 100 clients, one request each at a time',
  instances: 1,
  quick: ['floor', 'ours', 'stock'],
  run: async (trial) => {
    await trial.gather({ count: 100 });
    const { asked, delivered, seconds, serverCpuUs, latency, lost } = await trial.measure({
      kind: 'ask',
      amount: 1,
      payloadBytes: 100,
      deliveries: 1,
    });
    return {
      deliveredPerSecond: delivered / seconds,
      cpuPerRequest: serverCpuUs[0]! / asked,
      ...(latency && { p50: latency.p50, p99: latency.p99, p999: latency.p999 }),
      lost,
    };
  },
};
