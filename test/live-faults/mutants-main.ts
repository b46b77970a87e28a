/**
 * `npm run test:live:mutants`: plays schedules with libraries that lack a mechanism each, and says
 * of which the checker noticed.
 */
import { parseArgs } from 'node:util';
import { LIVE_MUTANTS, type Mutant } from './mutants.js';
import { livePlanOf } from './plan/live-plan.js';
import { runLiveSchedule } from './stage/live-schedule.js';

const { values } = parseArgs({
  options: {
    /** Of the first schedule. */
    seed: { type: 'string', default: '1' },
    /** The most schedules for each. */
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '10' },
    /** Only those whose description has these words. */
    only: { type: 'string', default: '' },
  },
});

const INSTANCES = 3;
/** What is whole is whole again by then; a mutant would be waited for in vain. */
const SLACK_MS = 3_000;

const uncaught: string[] = [];
for (const mutant of LIVE_MUTANTS.filter(({ lacks }) => lacks.includes(values.only))) {
  const caught = await play(mutant);
  say(`${caught ?? 'NOT CAUGHT'}: ${mutant.lacks}`);
  if (caught === undefined) uncaught.push(mutant.lacks);
}
say(uncaught.length === 0 ? 'all were caught' : `${uncaught.length} were not caught`);
process.exitCode = uncaught.length === 0 ? 0 : 1;

/** By which seed, and how, it was caught. */
async function play({ edits, shows, faults }: Mutant): Promise<string | undefined> {
  const [first, rounds, seconds] = [values.seed, values.rounds, values.seconds].map(Number);
  for (let seed = first!; seed < first! + rounds!; seed++) {
    const random = livePlanOf({
      seed,
      seconds: seconds!,
      instances: INSTANCES,
      gentle: true,
      bursts: false,
    });
    const plan = faults
      ? { ...random, faults: faults.toSorted((a, b) => a.atMs - b.atMs) }
      : random;
    const outcome = await runLiveSchedule(plan, {
      env: { SOURCE_EDITS: JSON.stringify(edits) },
      repairDeadlineMs: SLACK_MS,
    });
    const kinds = new Set(outcome.violations.map(({ kind }) => kind));
    if (shows.some((kind) => kinds.has(kind))) return `seed ${seed}, ${[...kinds].join(', ')}`;
    if (kinds.size > 0) say(`  seed ${seed} shows ${[...kinds].join(', ')} only`);
  }
  return undefined;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
