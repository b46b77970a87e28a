import { withDeadline } from '../../support/deadline.js';
import { waitFor } from '../../support/wait-for.js';
import type { LivePlan } from '../plan/live-plan.js';
import type { LiveViolation } from '../verdict/live-violation.js';
import type { LiveRun } from '../verdict/records.js';
import { verifyLive } from '../verdict/verify-live.js';
import { type LiveFigures, liveFiguresOf } from './live-figures.js';
import { LiveInjector } from './live-injector.js';
import { LiveStage } from './live-stage.js';

const LOOK_EVERY_MS = 1_000;
const SCHEDULE_SLACK_MS = 240_000;
/** Beyond the window, after which nothing is held back any more. */
const REPAIR_SLACK_MS = 12_000;

export interface LiveOutcome {
  readonly plan: LivePlan;
  readonly faults: readonly string[];
  readonly figures: LiveFigures;
  readonly violations: readonly LiveViolation[];
  readonly run: LiveRun;
}

export interface LiveScheduleOptions {
  /** What the instances' processes are given besides. */
  readonly env?: NodeJS.ProcessEnv;
  /** How long after the faults all may take to come. Default: the window and 12 s. */
  readonly repairDeadlineMs?: number;
}

let serial = 0;

/** Plays a plan to its end, waits until all has come that will, and judges. */
export async function runLiveSchedule(
  plan: LivePlan,
  options: LiveScheduleOptions = {},
): Promise<LiveOutcome> {
  const stage = await LiveStage.set(plan, `live-${process.pid}-${++serial}`, options.env);
  try {
    const injector = new LiveInjector(stage);
    stage.startWriting();
    const limitMs = plan.seconds * 1_000 + SCHEDULE_SLACK_MS;
    await withDeadline(injector.run(), 'the faults to be over', limitMs);
    stage.heal();
    await stage.finish();
    const deadlineMs = options.repairDeadlineMs ?? plan.windowMs + REPAIR_SLACK_MS;
    const settledMs = await untilWhole(stage, deadlineMs);
    const run = stage.run();
    const { violations, missed } = verifyLive(run);
    const figures = liveFiguresOf(run, stage.processes, missed, settledMs);
    return { plan, faults: injector.done, figures, violations, run };
  } finally {
    await stage.dispose();
  }
}

/**
 * Resolves when nothing is wrong any more, with how long that took, or when what is wrong stays so.
 */
async function untilWhole(stage: LiveStage, deadlineMs: number): Promise<number> {
  const started = performance.now();
  const isWhole = async (): Promise<boolean> => {
    await stage.count();
    return verifyLive(stage.run()).violations.length === 0;
  };
  await waitFor('all to come', isWhole, deadlineMs, LOOK_EVERY_MS).catch(() => {});
  return performance.now() - started;
}
