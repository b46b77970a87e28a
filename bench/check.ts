/**
 * `npm run bench:check`: has the package become slower? Measures ours next to the floor and holds
 * the ratios, which mean the same on a slow machine, against those in bench/ratios.json. `--
 * --update` commits to what was measured.
 */
import { readFileSync, writeFileSync } from 'node:fs';

import { lookUpIn } from './report/results.js';
import { planOf } from './run/arguments.js';
import { folder } from './common/folders.js';
import { say } from './common/progress.js';
import { run } from './run/run.js';
import type { FigureName } from './common/figures.js';
import { FLOOR, OURS } from './targets/catalogue.js';

interface Committed {
  readonly scenario: string;
  readonly figure: FigureName;
  /** Ours to the floor. Less is better in all of them. */
  readonly ratio: number;
  /** How many times the ratio may be exceeded before it counts as slower. */
  readonly slack: number;
}

const FILE = folder('bench/ratios.json');

const committed = JSON.parse(readFileSync(FILE, 'utf8')) as Committed[];
const update = process.argv.includes('--update');
const only = [...new Set(committed.map(({ scenario }) => scenario))].join(',');
const rest = process.argv.slice(2).filter((argument) => argument !== '--update');

try {
  const given = ['--quick', '--only', only, '--targets', `${FLOOR},${OURS}`, '--rounds', '3'];
  const results = await run(planOf([...given, ...rest])!);
  // Other work of the machine can only raise these figures: the lowest of the rounds has the least
  // of it.
  const find = lookUpIn(results.scenarios, 'min');
  const checked = committed.map((one) => {
    const ours = find(one.scenario, OURS, one.figure);
    const floor = find(one.scenario, FLOOR, one.figure);
    return {
      ...one,
      measured: ours !== undefined && floor !== undefined ? ours / floor : Number.NaN,
    };
  });
  if (update) {
    const renewed = checked.map(({ measured, ...one }) => ({
      ...one,
      ratio: Number(measured.toFixed(2)),
    }));
    if (renewed.some(({ ratio }) => Number.isNaN(ratio))) throw new Error('Not all was measured.');
    writeFileSync(FILE, `${JSON.stringify(renewed, undefined, 2)}\n`);
    say('Wrote bench/ratios.json');
  } else {
    for (const { scenario, figure, ratio, slack, measured } of checked) {
      // NaN is a failure as well: what could not be measured has not passed.
      const passed = measured <= ratio * slack;
      if (!passed) process.exitCode = 1;
      process.stdout.write(
        `${passed ? 'ok    ' : 'SLOWER'} ${scenario}, ${figure}: ${measured.toFixed(2)} of the floor; ` +
          `committed ${ratio}, limit ${(ratio * slack).toFixed(2)}\n`,
      );
    }
    if (process.exitCode === 1) {
      process.stdout.write(
        '\nSLOWER than what is committed. If the machine is busy, try again when it is not; if this is meant, say why and\n' +
          'run `npm run bench:check -- --update`.\n',
      );
    }
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
