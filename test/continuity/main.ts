/** `npm run test:faults`. */
import { parseArgs } from 'node:util';
import { planOf, type PlanOptions } from './plan/plan.js';
import { describeOutcome } from './report.js';
import { runSchedule } from './stage/schedule.js';

const HELP = `npm run test:faults -- [options]

  --seed n        of the first schedule (default: some); the others count on from it
  --rounds m      how many schedules (default 10)
  --parallel k    how many side by side (default 3)
  --seconds s     how long each makes faults (default 20)
  --pause         each with members that do not read, under slowClient: 'pause'; --no-pause: none (default: the seed decides)
  --refusals      each with a Redis that refuses for a while, and forgets its scripts; --no-refusals: none (default: the seed decides)
  --bursts        each with bursts among the messages; --no-bursts: none (default: the seed decides)
  --replica       each with a replica, which is promoted; --no-replica: none (default: the seed decides)
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    rounds: { type: 'string', default: '10' },
    parallel: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '20' },
    replica: { type: 'boolean' },
    pause: { type: 'boolean' },
    refusals: { type: 'boolean' },
    bursts: { type: 'boolean' },
    help: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

if (values.help) process.stdout.write(HELP);
else process.exitCode = await main();

async function main(): Promise<number> {
  const seed = whole('seed', values.seed ?? String(Date.now() % 1_000_000));
  const rounds = whole('rounds', values.rounds);
  const seconds = whole('seconds', values.seconds);
  const { replica, pause, refusals, bursts } = values;
  const seeds = Array.from({ length: rounds }, (_, i) => seed + i);
  const failed: number[] = [];
  const work = async (): Promise<void> => {
    for (let next = seeds.shift(); next !== undefined; next = seeds.shift()) {
      const options: PlanOptions = {
        seed: next,
        seconds,
        ...(replica === undefined ? {} : { replica }),
        ...(pause === undefined ? {} : { pause }),
        ...(refusals === undefined ? {} : { refusals }),
        ...(bursts === undefined ? {} : { bursts }),
      };
      if (!(await play(options))) failed.push(next);
    }
  };
  await Promise.all(Array.from({ length: whole('parallel', values.parallel) }, work));
  say(`${rounds} schedules of ${seconds} s: ${rounds - failed.length} good, ${failed.length} bad`);
  if (failed.length > 0) say(`bad seeds: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

/** False if something was wrong. */
async function play(options: PlanOptions): Promise<boolean> {
  try {
    const outcome = await runSchedule(planOf(options));
    say(describeOutcome(outcome));
    return outcome.violations.length === 0;
  } catch (error) {
    say(
      `seed ${options.seed}: BROKEN OFF: ${error instanceof Error ? error.stack : String(error)}`,
    );
    return false;
  }
}

function whole(name: string, given: string): number {
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new TypeError(`--${name} must be a whole number, got "${given}".`);
  return value;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
