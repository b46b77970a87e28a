import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './shared.mjs';

const STEPS = ['install', 'build', 'start', 'unit test', 'e2e test'];
const PAGE = join(root, 'docs/setups.md');
const TABLE = /(<!-- table -->\n)[\s\S]*(\n<!-- end of table -->)/;

/** Describes what failed, and why; as a table, with one line per setup. */
export function describeResults(results, asTable = false) {
  if (asTable) return tableOf(results);
  return results
    .map(({ setup, faults, seconds }) =>
      [`${faults.length === 0 ? 'ok    ' : 'FAILED'} ${setup.name}, ${seconds} s`, ...faults].join(
        '\n',
      ),
    )
    .join('\n');
}

export function writePage(results) {
  const page = readFileSync(PAGE, 'utf8');
  if (!TABLE.test(page)) throw new Error(`${PAGE} has no place for the table.`);
  writeFileSync(PAGE, page.replace(TABLE, `$1\n${tableOf(results)}\n$2`));
}

function tableOf(results) {
  const lines = results.map(
    ({ setup, steps }) =>
      `| ${[setup.name, ...STEPS.map((step) => steps[step] ?? '')].join(' | ')} |`,
  );
  return [
    `| setup | ${STEPS.join(' | ')} |`,
    `|${' --- |'.repeat(STEPS.length + 1)}`,
    ...lines,
  ].join('\n');
}
