import { expect, it } from '@jest/globals';
import { describeWithRedis } from '../support/redis-server.js';
import type { Plan } from './plan/plan.js';
import { describeOutcome } from './report.js';
import { runSchedule } from './stage/schedule.js';
import { STAGES, TWINS } from './twins.js';

/** What is whole is whole again by then; a twin would be waited for in vain. */
const REPAIR_DEADLINE_MS = 4_000;

describeWithRedis('The checker', () => {
  it.each(Object.entries<Plan>(STAGES))(
    'finds nothing where %s',
    async (_, plan) => {
      const outcome = await runSchedule(plan);
      expect(describeOutcome(outcome)).toContain(': good');
      // The system's own buffers may be larger than what the stage sends.
      if (plan.backplane?.slowClient === 'pause') expect(outcome.figures.pauses).toBeGreaterThan(0);
    },
    120_000,
  );

  it.each(TWINS)(
    'notices that a library lacks $lacks',
    async ({ edits, stage, shows }) => {
      const outcome = await runSchedule(STAGES[stage], {
        env: { SOURCE_EDITS: JSON.stringify(edits) },
        repairDeadlineMs: REPAIR_DEADLINE_MS,
      });
      const kinds = outcome.violations.map(({ kind }) => kind);
      expect(kinds.filter((kind) => shows.includes(kind))).not.toEqual([]);
    },
    120_000,
  );
});
