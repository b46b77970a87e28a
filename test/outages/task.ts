import type { Pace, TrialResult } from './trial.js';

/** A trial, as its process is told. */
export interface Task {
  readonly subject: string;
  readonly outage: string;
  readonly pace: Pace;
  readonly windowMs?: number;
}

/** As its process tells it. */
export interface TaskResult extends TrialResult {
  /** Errors that nobody handled: they end a process that does not expect them. */
  readonly unhandled: number;
}

export type TaskReport =
  | { readonly report: 'result'; readonly result: TaskResult }
  | { readonly report: 'broken'; readonly why: string };
