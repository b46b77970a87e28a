import { describe, it } from '@jest/globals';
import { closeAfterEach } from '../support/cleanup.js';
import { HTTP_KINDS } from '../support/nest-app.js';
import { guardProcess } from '../support/process-guard.js';
import { PARITY_TABLE } from './scenarios/index.js';
import type { Scenario } from './scenario.js';
import { NEST_MAJOR, type Target } from './target.js';
import { World } from './world.js';

/** Runs every row of the parity table against the target, on each HTTP framework. */
export function runParity(target: Target): void {
  describe.each(HTTP_KINDS)(`${target.name} on %s`, (http) => {
    const guard = guardProcess();
    const track = closeAfterEach();

    for (const { theme, scenarios } of PARITY_TABLE) {
      describe(theme, () => {
        for (const scenario of scenarios) {
          const { title, run } = asRunBy(target, scenario);
          const test = (scenario.since ?? 0) > NEST_MAJOR ? it.skip : it;
          test(title, () => run(new World(target, http, track, guard)));
        }
      });
    }
  });
}

function asRunBy(target: Target, { title, stock, run }: Scenario): Pick<Scenario, 'title' | 'run'> {
  if (target.name === 'ours' || stock === 'same') return { title, run };
  return { title: `DIFFERS (${stock.differs}): ${title}`, run: stock.run };
}
