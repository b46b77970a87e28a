import { parseArgs } from 'node:util';

import { scenarios } from '../scenarios/catalogue.js';
import type { Plan } from '../scenarios/plan.js';
import { targets } from '../targets/catalogue.js';

const QUICK_TARGETS = ['floor', 'ours', 'stock', 'classic'];
export const FULL_ROUNDS = 3;

const HELP = `npm run bench -- [options]

  --quick           small sizes, one round, the most telling targets: under two minutes
  --only a,b        these scenarios
  --targets a,b     these targets
  --rounds n        how often each target takes its turn (default ${FULL_ROUNDS}; 1 with --quick)
  --cpu-prof dir    server processes leave CPU profiles of what is measured there
  --help            this

scenarios: ${scenarios.map(({ name }) => name).join(', ')}
targets:   ${targets.map(({ name }) => name).join(', ')}
`;

/** Undefined if help was all that was asked for. */
export function planOf(args: string[]): Plan | undefined {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      targets: { type: 'string' },
      rounds: { type: 'string' },
      'cpu-prof': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return undefined;
  }
  const { quick } = values;
  const rounds = Number(values.rounds ?? (quick ? 1 : FULL_ROUNDS));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be 1 or more.');
  const named = values.only !== undefined || values.targets !== undefined;
  return {
    quick,
    abridged: quick && !named,
    rounds,
    profiles: values['cpu-prof'],
    complete: !quick && !named,
    scenarios: pick('scenario', scenarios, values.only).filter(
      (scenario) => !quick || values.only !== undefined || scenario.quick !== false,
    ),
    targets: pick(
      'target',
      targets,
      values.targets ?? (quick ? QUICK_TARGETS.join(',') : undefined),
    ),
  };
}

function pick<T extends { readonly name: string }>(
  what: string,
  all: readonly T[],
  list: string | undefined,
): readonly T[] {
  if (list === undefined) return all;
  return list.split(',').map((name) => {
    const found = all.find((one) => one.name === name.trim());
    if (found) return found;
    throw new Error(`No ${what} "${name}". There are: ${all.map((one) => one.name).join(', ')}.`);
  });
}
