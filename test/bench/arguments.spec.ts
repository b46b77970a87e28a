import { describe, expect, it } from '@jest/globals';

import { planOf } from '../../bench/run/arguments.js';
import { targetsOf } from '../../bench/run/rounds.js';
import { scenarios } from '../../bench/scenarios/catalogue.js';
import { targets } from '../../bench/targets/catalogue.js';

const names = (list: readonly { name: string }[]): string[] => list.map(({ name }) => name);

describe('the arguments of the bench', () => {
  it('none: everything there is, at full size', () => {
    const plan = planOf([])!;
    expect(plan).toMatchObject({ complete: true, quick: false, abridged: false, rounds: 3 });
    expect(names(plan.scenarios)).toEqual(names(scenarios));
    expect(names(plan.targets)).toEqual(names(targets));
  });

  it('--quick: one round, without the scenarios and targets that take long', () => {
    const plan = planOf(['--quick'])!;
    expect(plan).toMatchObject({ complete: false, abridged: true, rounds: 1 });
    expect(names(plan.targets)).toEqual(['floor', 'ours', 'stock', 'classic']);
    expect(names(plan.scenarios)).not.toContain('payload-1k');
    const idle = plan.scenarios.find(({ name }) => name === 'idle-1')!;
    expect(names(targetsOf(idle, plan))).toEqual(['floor', 'ours']);
  });

  it('what is named is taken, also where a quick run leaves it out', () => {
    const plan = planOf([
      '--quick',
      '--only',
      'payload-1k,ask',
      '--targets',
      'ours',
      '--rounds',
      '5',
    ])!;
    expect(plan).toMatchObject({ complete: false, abridged: false, rounds: 5 });
    expect(names(plan.scenarios)).toEqual(['payload-1k', 'ask']);
    expect(names(plan.targets)).toEqual(['ours']);
  });

  it.each([
    [['--only', 'nonsense'], /No scenario "nonsense"\. There are: saturated, /],
    [['--targets', 'nobody'], /No target "nobody"\. There are: floor, ours, /],
    [['--rounds', '0'], /--rounds must be 1 or more/],
    [['--rounds', 'x'], /--rounds must be 1 or more/],
    [['--fast'], /--fast/],
  ])('%j is refused with what would do', (args, message) => {
    expect(() => planOf(args)).toThrow(message);
  });
});

describe('the catalogues', () => {
  it('name nothing twice, and in scenarios only targets that there are', () => {
    for (const list of [names(scenarios), names(targets)])
      expect(new Set(list).size).toBe(list.length);
    for (const { targets: some = [], quick } of scenarios)
      expect(names(targets)).toEqual(expect.arrayContaining([...some, ...(quick || [])]));
  });
});
