import { expect, it } from '@jest/globals';
import { describeWithRedis } from '../support/redis-server.js';
import type { Plan } from './plan/plan.js';
import { describeOutcome } from './report.js';
import { runSchedule } from './stage/schedule.js';
import { STAGES, HISTORY_MUTANTS } from './mutants.js';

/** What is whole is whole again by then; a mutant would be waited for in vain. */
const REPAIR_DEADLINE_MS = 4_000;

/**
 * Each takes a quarter of a minute: of the mutants, a third is played, unless `npm run
 * test:mutants` asks for all.
 */
const PLAYED =
  process.env.HISTORY_MUTANTS === 'all'
    ? HISTORY_MUTANTS
    : HISTORY_MUTANTS.filter((_, i) => i % 3 === 0);

/**
 * Plays the stages and mutants whose number is `part`, modulo `parts`: each such part is a test
 * file of its own, as test files run side by side, and tests in one of them do not.
 */
export function playMutants(part: number, parts: number): void {
  const isOfPart = (_: unknown, i: number): boolean => i % parts === part;
  describeWithRedis('The checker', () => {
    it.each(Object.entries<Plan>(STAGES).filter(isOfPart))(
      'finds nothing where %s',
      async (_, plan) => {
        const outcome = await runSchedule(plan);
        expect(describeOutcome(outcome)).toContain(': good');
        // The system's own buffers may be larger than what the stage sends.
        if (plan.backplane?.slowClient === 'pause')
          expect(outcome.figures.pauses).toBeGreaterThan(0);
      },
      120_000,
    );

    it.each(PLAYED.filter(isOfPart))(
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
}
