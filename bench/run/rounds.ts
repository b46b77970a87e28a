import type { BenchRedis } from '../processes/redis.js';
import { figures, type FigureName, type Figures } from '../common/figures.js';
import type { Scenario } from '../scenarios/scenario.js';
import type { Target } from '../common/target.js';
import type { Plan } from '../scenarios/plan.js';
import { format, isUnsupported, type Outcome } from '../common/outcome.js';
import { say } from '../common/progress.js';
import { Trial } from '../scenarios/trial.js';

/** The targets of a scenario in a plan. */
export function targetsOf(scenario: Scenario, plan: Plan): Target[] {
  return plan.targets.filter(({ name }) => {
    if (scenario.targets && !scenario.targets.includes(name)) return false;
    return !plan.abridged || !Array.isArray(scenario.quick) || scenario.quick.includes(name);
  });
}

/**
 * Scenario by scenario; in each, the targets take turns, and each round begins with another one.
 */
export async function runRounds(
  plan: Plan,
  redis: BenchRedis,
  isAborted: () => boolean,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const scenario of plan.scenarios) {
    const targets = targetsOf(scenario, plan);
    if (targets.length > 0) say(`\n${scenario.title}`);
    for (let round = 0; round < plan.rounds; round++) {
      for (let turn = 0; turn < targets.length; turn++) {
        if (isAborted()) return outcomes;
        const target = targets[(turn + round) % targets.length]!;
        outcomes.push(await runTrial(plan, redis, scenario, target, round));
      }
    }
  }
  return outcomes;
}

async function runTrial(
  plan: Plan,
  redis: BenchRedis,
  scenario: Scenario,
  target: Target,
  round: number,
): Promise<Outcome> {
  const outcome = { scenario: scenario.name, target: target.name, round };
  const label = `  ${plan.rounds > 1 ? `${round + 1}/${plan.rounds} ` : ''}${target.name.padEnd(12)}`;
  try {
    const { quick, profiles } = plan;
    const measured = await Trial.run({ target, scenario, redis, quick, profiles }, (trial) =>
      scenario.run(trial),
    );
    say(`${label} ${line(measured)}`);
    return { ...outcome, figures: measured };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    say(`${label} ${isUnsupported(failure) ? 'not supported' : 'FAILED'}: ${failure}`);
    return { ...outcome, failure };
  }
}

function line(measured: Figures): string {
  return Object.entries(measured)
    .filter(([name, value]) => name !== 'lost' || value !== 0)
    .map(([name, value]) => `${name} ${format(value)} ${figures[name as FigureName].unit}`.trim())
    .join(' · ');
}
