import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import { folder } from '../common/folders.js';
import { say } from '../common/progress.js';
import { chart } from './chart.js';
import type { Results } from './results.js';
import { tables } from './table.js';

const PAGE = 'docs/benchmarks.md';
const BEGIN = '<!-- results: written by npm run bench -->';
const END = '<!-- end of results -->';

/**
 * The table to stdout; table, JSON and chart to bench/results. A complete run also renews what
 * docs/benchmarks.md shows.
 */
export function publish(results: Results, complete: boolean): void {
  const name = complete ? 'full' : results.quick ? 'quick' : 'partial';
  const text = tables(results);
  mkdirSync(folder('bench/results'), { recursive: true });
  write(`bench/results/${name}.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  write(`bench/results/${name}.md`, `${text}\n`);
  write(`bench/results/${name}.svg`, chart(results));
  if (complete && existsSync(folder(PAGE))) {
    write('docs/benchmarks.svg', chart(results));
    write(
      PAGE,
      withResults(
        readFileSync(folder(PAGE), 'utf8'),
        `![Benchmark results](benchmarks.svg)\n\n${takenOn(results)}\n\n${text}`,
      ),
    );
  }
  process.stdout.write(`${text}\n`);
}

/** The page, with what stands between its marks replaced. */
function withResults(page: string, text: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`${PAGE} has lost its marks "${BEGIN}" and "${END}".`);
  return `${before}${BEGIN}\n\n${text}\n\n${END}${after}`;
}

function takenOn({ machine, rounds, takenAt }: Results): string {
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  return (
    `Measured on ${takenAt.slice(0, 10)} with ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, ${machine.system}, ` +
    `Node ${machine.node}, Redis ${machine.redis}; load of the machine before the run: ${machine.loadBefore.toFixed(1)}. ` +
    `Median of ${rounds} rounds (least–most).\n\n${packages.join(', ')}.`
  );
}

function write(path: string, content: string): void {
  writeFileSync(folder(path), content);
  say(`Wrote ${path}`);
}
