import { median } from '../common/stats.js';
import type { Work } from '../driver/work.js';
import type { Scenario } from './scenario.js';

/**
 * The floor and the stock adapter keep nothing back, and would be lost in this; Socket.IO's
 * adapters are what ours is held against.
 */
const TARGETS = ['ours', 'classic', 'sharded', 'streams'];
const TIMES = 5;

interface Burst extends Pick<Scenario, 'name' | 'title'> {
  /** How many names it is for, in a full run and in a quick one. */
  readonly names: readonly [full: number, quick: number];
  /** One client for so many names. */
  readonly namesPerClient: number;
  readonly payloadBytes: number;
  readonly to: 'room' | 'user';
  readonly together?: boolean;
}

/** All of it is asked for by one message of a client, and sent in one turn of the event loop. */
function burst(burst: Burst): Scenario {
  const { name, title, names, namesPerClient, payloadBytes, to, together = false } = burst;
  return {
    name,
    title,
    instances: 2,
    targets: TARGETS,
    quick: ['ours', 'classic'],
    run: async (trial) => {
      const span = trial.size(...names);
      const count = span / namesPerClient;
      // The last name is among those who are there: it is what waits for the longest.
      const present = Array.from({ length: count }, (_, i) => (i + 1) * namesPerClient - 1);
      if (to === 'user') await trial.gather({ count, users: present.map((i) => `user-${i}`) });
      else {
        const rooms = Array.from({ length: count }, (_, i) =>
          Array.from({ length: namesPerClient }, (_, k) => `room-${i * namesPerClient + k}`),
        );
        await trial.gather({ count, rooms });
      }
      const work: Work = {
        kind: 'window',
        amount: 1,
        payloadBytes,
        to,
        names: span,
        together,
        // All from one instance, to clients of both.
        instance: 0,
        deliveries: to === 'user' ? count : span,
      };
      const times: number[] = [];
      let lost = 0;
      for (let time = 0; time <= trial.size(TIMES, 2); time++) {
        const arrived = await trial.burst(work);
        lost += work.deliveries - arrived.delivered;
        // The first one warms up.
        if (time > 0) times.push(arrived.ms);
      }
      return { arrivedMs: median(times), lost: lost + (await trial.lost()) };
    },
  };
}

export const bursts: readonly Scenario[] = [
  burst({
    name: 'burst-users',
    title:
      'Burst: 50,000 emits in one turn, each to a different user; 500 of the users are connected',
    names: [50_000, 10_000],
    namesPerClient: 100,
    payloadBytes: 200,
    to: 'user',
  }),
  burst({
    name: 'burst-call',
    title: 'Burst: one emit to 10,000 users, of whom 500 are connected',
    names: [10_000, 2_000],
    namesPerClient: 20,
    payloadBytes: 200,
    to: 'user',
    together: true,
  }),
  burst({
    name: 'burst-large',
    title: 'Burst: 300 emits of 100 kB in one turn, each to a different room',
    names: [300, 300],
    namesPerClient: 10,
    payloadBytes: 100_000,
    to: 'room',
  }),
];
