import { expect, it } from '@jest/globals';
import { describeWithRedis } from '../support/redis-server.js';
import { livePlanOf } from './plan/live-plan.js';
import { describeLiveOutcome } from './report.js';
import { runLiveSchedule } from './stage/live-schedule.js';

/** `npm run test:live` plays others, and longer, with more instances. */
const SEEDS = [{ seed: 25 }, { seed: 56 }];
const SECONDS = 5;
const INSTANCES = 3;

describeWithRedis('Rooms without a history, under faults of all kinds', () => {
  it.each(SEEDS)(
    'lose nothing in what is shorter than the window, and double and reorder nothing (seed $seed)',
    async ({ seed }) => {
      const outcome = await runLiveSchedule(
        livePlanOf({ seed, seconds: SECONDS, instances: INSTANCES, bursts: false }),
      );
      expect(describeLiveOutcome(outcome)).toContain(': good');
    },
    180_000,
  );
});
