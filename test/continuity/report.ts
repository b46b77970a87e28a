import type { FaultKind } from './plan/fault.js';
import { excerptOf } from './verdict/excerpt.js';
import type { Outcome } from './stage/schedule.js';

const MOST_SHOWN = 12;
const MOST_EXPLAINED = 2;

/** What a schedule did, and what came of it. */
export function describeOutcome(outcome: Outcome): string {
  const { plan, faults, figures, violations, run } = outcome;
  const { seed, seconds, replica } = plan;
  const kind = `${replica ? 'with' : 'without'} a replica${isPausing(plan) ? ', pausing' : ''}`;
  const verdict = violations.length === 0 ? 'good' : `BAD: ${violations.length} violations`;
  const lines = [
    `seed ${seed}, ${seconds} s, ${kind}: ${verdict}`,
    ...faults.map((fault) => `  ${fault}`),
    `  ${Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
    ...violations
      .slice(0, MOST_SHOWN)
      .map(({ kind, room, who, detail }) => `  ! ${kind} in "${room}", ${who}: ${detail}`),
  ];
  for (const violation of violations.slice(0, MOST_EXPLAINED))
    lines.push(...excerptOf(run, violation).map((line) => `    ${line}`));
  if (violations.length > MOST_SHOWN) lines.push(`  ! and ${violations.length - MOST_SHOWN} more`);
  if (violations.length > 0) lines.push(`  again: ${reproduce(plan)}`);
  return lines.join('\n');
}

function reproduce(plan: Outcome['plan']): string {
  const { seed, seconds, replica } = plan;
  const kinds = Object.entries({
    replica,
    pause: isPausing(plan),
    refusals: hasAny(plan, 'refuse', 'forget-scripts'),
    bursts: hasAny(plan, 'burst'),
  }).map(([name, is]) => (is ? `--${name}` : `--no-${name}`));
  return `npm run test:faults -- --seed ${seed} --rounds 1 --seconds ${seconds} ${kinds.join(' ')}`;
}

function hasAny({ faults }: Outcome['plan'], ...kinds: FaultKind[]): boolean {
  return faults.some(({ kind }) => kinds.includes(kind));
}

function isPausing({ backplane }: Outcome['plan']): boolean {
  return backplane?.slowClient === 'pause';
}
