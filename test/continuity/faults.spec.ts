import { expect, it } from '@jest/globals';
import { describeWithRedis } from '../support/redis-server.js';
import { planOf } from './plan/plan.js';
import { describeOutcome } from './report.js';
import { runSchedule } from './stage/schedule.js';

/** `npm run test:faults` plays others, and longer. */
const SEEDS = [{ seed: 13 }, { seed: 26 }, { seed: 29 }];
const SECONDS = 7;

describeWithRedis('Rooms with a history, under faults of all kinds', () => {
  it.concurrent.each(SEEDS)(
    'lose, double and reorder nothing in silence (seed $seed)',
    async ({ seed }) => {
      const outcome = await runSchedule(planOf({ seed, seconds: SECONDS }));
      expect(describeOutcome(outcome)).toContain(': good');
    },
    180_000,
  );
});
