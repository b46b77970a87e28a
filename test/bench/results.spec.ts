import { describe, expect, it } from '@jest/globals';

import { chart } from '../../bench/report/chart.js';
import { goals } from '../../bench/report/goals.js';
import { lookUpIn, type Results, resultsOf } from '../../bench/report/results.js';
import { tables } from '../../bench/report/table.js';
import { planOf } from '../../bench/run/arguments.js';
import { format, type Outcome } from '../../bench/common/outcome.js';
import type { Figures } from '../../bench/common/figures.js';

const MACHINE = {
  cpu: 'a <fast> one & more',
  cores: 2,
  memoryGiB: 4,
  system: 'Linux 6',
  node: '20.20.2',
  redis: '7.0.15',
  loadBefore: 0.1,
  packages: { ws: '8.22.0' },
};

function outcome(target: string, round: number, measured: Figures | string): Outcome {
  const one = { scenario: 'saturated', target, round };
  return typeof measured === 'string'
    ? { ...one, failure: measured }
    : { ...one, figures: measured };
}

function resultsWith(...outcomes: Outcome[]): Results {
  return resultsOf(planOf(['--only', 'saturated,paced', '--rounds', '3'])!, outcomes, MACHINE);
}

const delivered = (deliveredPerSecond: number): Figures => ({ deliveredPerSecond, lost: 0 });

describe('the results of a run', () => {
  const results = resultsWith(
    outcome('ours', 0, delivered(130)),
    outcome('floor', 0, delivered(100)),
    outcome('ours', 1, delivered(110)),
    outcome('ours', 2, delivered(120)),
    outcome('classic', 0, 'It <broke>'),
  );

  it('are medians over the rounds, of what was measured', () => {
    expect(results.scenarios.map(({ scenario }) => scenario)).toEqual(['saturated']);
    const find = lookUpIn(results.scenarios);
    expect(find('saturated', 'ours', 'deliveredPerSecond')).toBe(120);
    expect(find('saturated', 'classic', 'deliveredPerSecond')).toBeUndefined();
    expect(find('paced', 'ours', 'p99')).toBeUndefined();
  });

  it('say of each goal whether it is met, or that it was not measured', () => {
    const of = (name: string, all = results.goals) => all.find((one) => one.name === name);
    expect(of('saturated-floor')).toMatchObject({ value: 1.2, met: true });
    expect(of('saturated-socket-io')).toMatchObject({ value: undefined, met: undefined });
    const slower = goals((_scenario, target) => (target === 'ours' ? 99 : 100));
    expect(of('saturated-floor', slower)).toMatchObject({ value: 0.99, met: false });
    expect(of('saturated-cpu', slower)).toMatchObject({ value: 0.99, met: true });
  });

  it('are a table, where what failed is not left out', () => {
    const text = tables(results);
    expect(text).toContain('| nestjs-redis-backplane | 120 (110–130) |');
    expect(text).toContain('| Socket.IO, redis-adapter | failed |');
    expect(text).toContain('to the floor | at least 1 | 1.20 | met |');
    expect(text).not.toContain('lost');
  });

  it('show what was lost where something was', () => {
    const lossy = resultsWith(outcome('ours', 0, { deliveredPerSecond: 1, lost: 3 }));
    expect(tables(lossy)).toContain('| delivered/s | lost |');
  });

  it('are a chart: well-formed, for light screens and dark ones, the longest bar the best', () => {
    const svg = chart(results);
    expect(svg).toMatch(/^<svg [^]*<\/svg>\n$/);
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).toContain('a &lt;fast> one &amp; more');
    const widths = [...svg.matchAll(/<rect class="(ours|floor)" [^>]*width="([\d.]+)"/g)];
    const width = Object.fromEntries(widths.map(([, kind, value]) => [kind, Number(value)]));
    expect(width.ours! / width.floor!).toBeCloseTo(1.2, 2);
  });
});

describe('a figure', () => {
  it.each([
    [0.1234, '0.12'],
    [12.34, '12.3'],
    [1_234_567.8, '1,234,568'],
    [Number.NaN, '–'],
  ])('%d reads %s', (value, text) => {
    expect(format(value)).toBe(text);
  });
});
