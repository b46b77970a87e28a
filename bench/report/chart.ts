import { format } from '../common/outcome.js';
import { type FigureName, figures } from '../common/figures.js';
import { FLOOR, OURS } from '../targets/catalogue.js';
import type { Results, TargetResult } from './results.js';

/** The panels of the chart: a figure of a scenario each. */
const PANELS: readonly { scenario: string; figure: FigureName; title: string }[] = [
  {
    scenario: 'saturated',
    figure: 'deliveredPerSecond',
    title: 'Saturated fan-out: delivered per second',
  },
  {
    scenario: 'saturated',
    figure: 'cpuPerDelivery',
    title: 'Saturated fan-out: server CPU per delivery, µs',
  },
  {
    scenario: 'paced',
    figure: 'cpuPerDelivery',
    title: 'Paced fan-out: server CPU per delivery, µs',
  },
  { scenario: 'paced', figure: 'p99', title: 'Paced fan-out: p99 latency, ms' },
  { scenario: 'misses', figure: 'cpuPerMiss', title: 'A message for a room not held: CPU, µs' },
  { scenario: 'ask', figure: 'cpuPerRequest', title: 'Request and answer: server CPU, µs' },
  {
    scenario: 'idle-1',
    figure: 'heapPerConnection',
    title: 'Idle connection, 1 handler: heap, KiB',
  },
  {
    scenario: 'idle-20',
    figure: 'heapPerConnection',
    title: 'Idle connection, 20 handlers: heap, KiB',
  },
];

const WIDTH = 860;
const LEFT = 270;
const RIGHT = 150;
const ROW = 24;
const BAR = 14;
const HEAD = 34;
const GAP = 18;
const MARGIN = 16;

const STYLE = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .note { fill: #59636e; font-size: 12px; }
  .ground { fill: #ffffff; }
  .bar { fill: #afb8c1; }
  .floor { fill: #6e7781; }
  .ours { fill: #0969da; }
  .spread { stroke: #1f2328; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #9198a1; }
    .ground { fill: #0d1117; }
    .bar { fill: #484f58; }
    .floor { fill: #8b949e; }
    .ours { fill: #4493f8; }
    .spread { stroke: #e6edf3; }
  }`;

/** The most telling figures as bars, in one SVG that is light or dark as its reader's screen is. */
export function chart(results: Results): string {
  const parts: string[] = [];
  let y = MARGIN;
  for (const { scenario, figure, title } of PANELS) {
    const found = results.scenarios.find((one) => one.scenario === scenario);
    const targets = found?.targets.filter((one) => one.figures[figure]) ?? [];
    if (targets.length === 0) continue;
    const better = figures[figure].better === 'more' ? 'more is better' : 'less is better';
    parts.push(panel(y, title, better, figure, targets));
    y += HEAD + targets.length * ROW + GAP;
  }
  const { machine, rounds, quick } = results;
  const note = `${machine.cores} cores, ${machine.cpu} · Node ${machine.node} · Redis ${machine.redis} · median of ${rounds} round${rounds === 1 ? '' : 's'}, with spread${quick ? ' · quick run: trial figures' : ''}`;
  parts.push(text(MARGIN, y + 8, note, 'note'));
  const height = y + 28;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Benchmark results">
<style>${STYLE}
</style>
<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>
${parts.join('\n')}
</svg>
`;
}

function panel(
  top: number,
  title: string,
  better: string,
  figure: FigureName,
  targets: readonly TargetResult[],
): string {
  const span = WIDTH - LEFT - RIGHT;
  const longest = Math.max(...targets.map((one) => one.figures[figure]!.max), Number.MIN_VALUE);
  const at = (value: number): number => LEFT + Math.max(0, (value / longest) * span);
  const rows = targets.map((one, i) => {
    const { median, min, max } = one.figures[figure]!;
    const y = top + HEAD + i * ROW;
    const middle = y + BAR / 2;
    const kind = one.target.startsWith(OURS) ? 'ours' : one.target === FLOOR ? 'floor' : 'bar';
    const width = Math.max(1, at(median) - LEFT);
    const spread =
      max > min
        ? `<line class="spread" x1="${round(at(min))}" x2="${round(at(max))}" y1="${middle}" y2="${middle}"/>`
        : '';
    return [
      text(LEFT - 10, middle + 4, one.title, '', 'end'),
      `<rect class="${kind}" x="${LEFT}" y="${y}" width="${round(width)}" height="${BAR}" rx="2"/>`,
      spread,
      text(round(at(max)) + 8, middle + 4, format(median)),
    ].join('');
  });
  return [
    text(MARGIN, top + 16, title, 'title'),
    text(WIDTH - MARGIN, top + 16, better, 'note', 'end'),
    ...rows,
  ].join('\n');
}

function text(x: number, y: number, content: string, kind = '', anchor = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x}" y="${y}"${kind && ` class="${kind}"`}${anchor && ` text-anchor="${anchor}"`}>${escaped}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
