import type { Outcome } from './stage/schedule.js';

const MOST_SHOWN = 12;

/** What a schedule did, and what came of it. */
export function describeOutcome({ plan, faults, figures, violations }: Outcome): string {
  const { seed, seconds, replica } = plan;
  const verdict = violations.length === 0 ? 'good' : `BAD: ${violations.length} violations`;
  const lines = [
    `seed ${seed}, ${seconds} s, ${replica ? 'with' : 'without'} a replica: ${verdict}`,
    ...faults.map((fault) => `  ${fault}`),
    `  ${Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
    ...violations
      .slice(0, MOST_SHOWN)
      .map(({ kind, room, who, detail }) => `  ! ${kind} in "${room}", ${who}: ${detail}`),
  ];
  if (violations.length > MOST_SHOWN) lines.push(`  ! and ${violations.length - MOST_SHOWN} more`);
  if (violations.length > 0) lines.push(`  again: ${reproduce(plan)}`);
  return lines.join('\n');
}

function reproduce({ seed, seconds, replica }: Outcome['plan']): string {
  return `npm run test:faults -- --seed ${seed} --rounds 1 --seconds ${seconds} ${replica ? '--replica' : '--no-replica'}`;
}
