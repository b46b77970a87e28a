import type { Plan } from '../scenarios/plan.js';
import type { Outcome } from '../common/outcome.js';
import type { FigureName } from '../common/figures.js';
import { goals, type GoalResult, type LookUp } from './goals.js';
import type { Machine } from './machine.js';
import { summarise, type Summary } from '../common/stats.js';

export interface TargetResult {
  readonly target: string;
  readonly title: string;
  readonly figures: Partial<Record<FigureName, Summary>>;
  readonly failures: readonly string[];
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly title: string;
  readonly targets: readonly TargetResult[];
}

/** What a run found. This is what the JSON holds. */
export interface Results {
  readonly takenAt: string;
  readonly quick: boolean;
  readonly rounds: number;
  readonly machine: Machine;
  readonly scenarios: readonly ScenarioResult[];
  readonly goals: readonly GoalResult[];
}

export function resultsOf(plan: Plan, outcomes: readonly Outcome[], machine: Machine): Results {
  const scenarios = plan.scenarios.map(({ name, title }) => ({
    scenario: name,
    title,
    targets: plan.targets
      .map((target) => ({
        target: target.name,
        title: target.title,
        ...summariseAll(
          outcomes.filter((one) => one.scenario === name && one.target === target.name),
        ),
      }))
      .filter(({ figures, failures }) => failures.length > 0 || Object.keys(figures).length > 0),
  }));
  const results = {
    takenAt: new Date().toISOString(),
    quick: plan.quick,
    rounds: plan.rounds,
    machine,
    scenarios: scenarios.filter(({ targets }) => targets.length > 0),
  };
  return { ...results, goals: goals(lookUpIn(results.scenarios)) };
}

/** @param of which of the rounds' figures: the median by default */
export function lookUpIn(
  scenarios: readonly ScenarioResult[],
  of: 'median' | 'min' | 'max' = 'median',
): LookUp {
  return (scenario, target, figure) =>
    scenarios.find((one) => one.scenario === scenario)?.targets.find((one) => one.target === target)
      ?.figures[figure]?.[of];
}

function summariseAll(outcomes: readonly Outcome[]): Pick<TargetResult, 'figures' | 'failures'> {
  const values: Partial<Record<FigureName, number[]>> = {};
  for (const { figures = {} } of outcomes) {
    for (const [name, value] of Object.entries(figures)) {
      (values[name as FigureName] ??= []).push(value);
    }
  }
  const summaries: Partial<Record<FigureName, Summary>> = {};
  for (const [name, rounds] of Object.entries(values)) {
    summaries[name as FigureName] = summarise(rounds);
  }
  const failures = outcomes.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  return { figures: summaries, failures: [...new Set(failures)] };
}
