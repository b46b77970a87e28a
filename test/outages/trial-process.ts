/**
 * One trial, in a process of its own: what one subject leaves behind, or throws, is nothing to the
 * next.
 */
import { outages } from './outages.js';
import { subjects } from './subjects/subjects.js';
import { Trial, type TrialResult } from './trial.js';
import type { Task } from './task.js';

const task = JSON.parse(process.env.OUTAGE_TASK!) as Task;
let unhandled = 0;
// As an app would have to, to outlive some of the subjects.
process.on('unhandledRejection', () => unhandled++);
process.on('uncaughtException', () => unhandled++);

const subject = subjects.find(({ name }) => name === task.subject)!;
const outage = outages.find(({ name }) => name === task.outage)!;
const trial = new Trial(subject, outage, task.pace, task.windowMs);
trial.play().then(
  (result: TrialResult) => tell({ report: 'result', result: { ...result, unhandled } }),
  (error: unknown) =>
    tell({ report: 'broken', why: error instanceof Error ? error.stack! : String(error) }),
);

function tell(report: object): void {
  process.send!(report, () => process.exit());
}
