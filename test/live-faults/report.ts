import type { LiveOutcome } from './stage/live-schedule.js';
import { excerptOf } from './verdict/excerpt.js';

const MOST_SHOWN = 12;
const MOST_EXPLAINED = 2;

/** What a schedule did, and what came of it. */
export function describeLiveOutcome(outcome: LiveOutcome): string {
  const { plan, faults, figures, violations, run } = outcome;
  const verdict = violations.length === 0 ? 'good' : `BAD: ${violations.length} violations`;
  const lines = [
    `seed ${plan.seed}, ${plan.seconds} s, window ${plan.windowMs} ms, lease ${plan.lease.ttlMs} ms: ${verdict}`,
    ...faults
      .filter((fault) => !/goes to|comes back|disconnects|emits/.test(fault))
      .map((fault) => `  ${fault}`),
    `  ${Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
    ...violations
      .slice(0, MOST_SHOWN)
      .map(({ kind, target, who, detail }) => `  ! ${kind} to "${target}", ${who}: ${detail}`),
  ];
  for (const violation of violations.slice(0, MOST_EXPLAINED))
    lines.push(...excerptOf(run, violation).map((line) => `    ${line}`));
  if (violations.length > MOST_SHOWN) lines.push(`  ! and ${violations.length - MOST_SHOWN} more`);
  if (violations.length > 0) lines.push(`  again: ${reproduce(plan)}`);
  return lines.join('\n');
}

function reproduce({ seed, seconds }: LiveOutcome['plan']): string {
  return `npm run test:live -- --seed ${seed} --rounds 1 --seconds ${seconds}`;
}
