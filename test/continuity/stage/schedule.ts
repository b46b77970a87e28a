import { withDeadline } from '../../support/deadline.js';
import { waitFor } from '../../support/wait-for.js';
import type { Plan } from '../plan/plan.js';
import { type Run, verifyRun } from '../verdict/verify-run.js';
import type { Violation } from '../verdict/violation.js';
import { Injector } from './injector.js';
import { Stage, type StageOptions } from './stage.js';
import { type Figures, figuresOf } from './figures.js';

/**
 * A message into a long silence, lost on its way to one instance, is found by the next look at what
 * is quiet: 60 to 75 s.
 */
const REPAIR_DEADLINE_MS = 80_000;
/**
 * To look costs time that schedules side by side, and the networks of all of them, do not have
 * meanwhile.
 */
const LOOK_EVERY_MS = 1_000;
const SCHEDULE_SLACK_MS = 240_000;

export interface Outcome {
  readonly plan: Plan;
  readonly faults: readonly string[];
  readonly figures: Figures;
  readonly violations: readonly Violation[];
  readonly run: Run;
}

let serial = 0;

/** Plays a plan to its end, waits until all is repaired that can be, and judges. */
export async function runSchedule(plan: Plan, options: StageOptions = {}): Promise<Outcome> {
  const stage = await Stage.set(plan, `continuity-${process.pid}-${++serial}`, options);
  try {
    const injector = new Injector(stage);
    stage.startWriting();
    const limitMs = plan.seconds * 1_000 + SCHEDULE_SLACK_MS;
    await withDeadline(injector.run(), 'the faults to be over', limitMs);
    stage.heal();
    const finished = await stage.finish();
    const repairMs = await untilRepaired(stage, options.repairDeadlineMs ?? REPAIR_DEADLINE_MS);
    const run = await stage.run();
    return {
      plan,
      faults: injector.done,
      figures: figuresOf(run, finished, repairMs),
      violations: [...verifyRun(run), ...disconnectionsOf(stage)],
      run,
    };
  } finally {
    await stage.dispose();
  }
}

/**
 * Resolves when nothing is wrong any more, with how long that took, or when what is wrong stays so.
 */
async function untilRepaired(stage: Stage, deadlineMs: number): Promise<number> {
  const started = performance.now();
  await waitFor(
    'all to be repaired',
    async () => verifyRun(await stage.run()).length === 0,
    deadlineMs,
    LOOK_EVERY_MS,
  ).catch(() => {});
  return performance.now() - started;
}

function disconnectionsOf({ readers }: Stage): Violation[] {
  return readers.flatMap(({ name, disconnections }) =>
    disconnections.map((detail) => ({ kind: 'disconnected', room: '', who: name, detail })),
  );
}
