import type { Verdict } from './judge.js';
import { renderTable } from './table.js';

const PROBLEMS_SHOWN = 20;

/**
 * The table (kinds down, sending workers across, received/expected in the cells), what went wrong,
 * and the sum.
 */
export function renderReport(
  verdicts: readonly Verdict[],
  names: readonly string[],
  trouble: readonly string[],
  tookMs: number,
): string {
  const kinds = [...new Set(verdicts.map((verdict) => verdict.kind))];
  const rows = kinds.map((kind) => {
    const cells = verdicts.filter((verdict) => verdict.kind === kind);
    return [kind, ...cells.map(cellOf), ...sums(cells)];
  });
  rows.push([
    'total',
    ...names.map((_, worker) => cellOf(sumOf(verdicts, worker))),
    ...sums(verdicts),
  ]);
  const header = ['broadcast, from worker', ...names, 'sent', 'expected', 'received', 'verdict'];
  const problems = [...trouble, ...verdicts.flatMap(describe(names))];
  const parts = [renderTable(header, rows)];
  if (problems.length > 0) parts.push(listOf(problems));
  const sum = sumOf(verdicts);
  const outcome = problems.length === 0 ? 'passed' : 'FAILED';
  parts.push(
    `Smoke ${outcome}: ${sum.sent} broadcasts, ${sum.received} of ${sum.expected} deliveries, ` +
      `${problems.length} problems, ${(tookMs / 1_000).toFixed(1)} s`,
  );
  return parts.join('\n\n');
}

function cellOf({ received, expected }: Pick<Verdict, 'received' | 'expected'>): string {
  return `${received}/${expected}`;
}

function sums(verdicts: readonly Verdict[]): string[] {
  const { sent, expected, received } = sumOf(verdicts);
  const isGood = verdicts.every((verdict) => verdict.problems.length === 0);
  return [String(sent), String(expected), String(received), isGood ? 'ok' : 'FAILED'];
}

function sumOf(verdicts: readonly Verdict[], worker?: number) {
  const sum = { sent: 0, expected: 0, received: 0 };
  for (const verdict of verdicts) {
    if (worker !== undefined && verdict.worker !== worker) continue;
    sum.sent += verdict.sent;
    sum.expected += verdict.expected;
    sum.received += verdict.received;
  }
  return sum;
}

function describe(names: readonly string[]) {
  return ({ kind, worker, problems }: Verdict) =>
    problems.map((problem) => `${kind}, from ${names[worker]}: ${problem}`);
}

function listOf(problems: readonly string[]): string {
  const shown = problems.slice(0, PROBLEMS_SHOWN).map((problem) => `  - ${problem}`);
  const hidden = problems.length - shown.length;
  return ['Problems', ...shown, ...(hidden > 0 ? [`  … and ${hidden} more`] : [])].join('\n');
}
