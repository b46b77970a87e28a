import { format, isUnsupported } from '../common/outcome.js';
import { type FigureName, figures } from '../common/figures.js';
import type { GoalResult } from './goals.js';
import type { Results, ScenarioResult, TargetResult } from './results.js';
import type { Summary } from '../common/stats.js';

/** Everything, in Markdown. */
export function tables({ goals, scenarios, quick }: Results): string {
  const parts = [goalTable(goals), ...scenarios.map(scenarioTable)];
  if (quick) parts.unshift('A quick run: rough figures, at smaller sizes than the headings say.');
  return parts.join('\n\n');
}

function goalTable(goals: readonly GoalResult[]): string {
  const rows = goals.map(({ title, goal, value, met }) => [
    title,
    goal,
    value === undefined ? 'not measured' : value.toFixed(2),
    met === undefined ? '–' : met ? 'met' : '**not met**',
  ]);
  return `### Goals\n\n${table(['figure', 'goal', 'measured', ''], rows)}`;
}

function scenarioTable({ title, targets }: ScenarioResult): string {
  const names = (Object.keys(figures) as FigureName[]).filter((name) =>
    targets.some((one) => one.figures[name] && (name !== 'lost' || hasLost(one))),
  );
  const head = names.map((name) => {
    const { title, unit } = figures[name];
    return unit === '' ? title : unit.startsWith('/') ? `${title}${unit}` : `${title}, ${unit}`;
  });
  const rows = targets.map((one) => [
    one.title,
    ...names.map((name) => cell(one.figures[name], one)),
  ]);
  return `### ${title}\n\n${table(['', ...head], rows)}`;
}

function hasLost({ figures }: TargetResult): boolean {
  return (figures.lost?.max ?? 0) > 0;
}

function cell(summary: Summary | undefined, { failures }: TargetResult): string {
  if (!summary) return failures.every(isUnsupported) ? '–' : 'failed';
  const { median, min, max, rounds } = summary;
  const spread = rounds.length > 1 ? ` (${format(min)}–${format(max)})` : '';
  return `${format(median)}${spread}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
}
