/** `npm run test:live`. */
import { parseArgs } from 'node:util';
import { livePlanOf, type LivePlanOptions } from './plan/live-plan.js';
import { describeLiveOutcome } from './report.js';
import { runLiveSchedule } from './stage/live-schedule.js';

const HELP = `npm run test:live -- [options]

  --seed n        of the first schedule (default: some); the others count on from it
  --rounds m      how many schedules (default 10)
  --parallel k    how many side by side (default 1: each has five instances)
  --seconds s     how long each makes faults (default 20)
  --gentle        none with faults that last longer than the window; --no-gentle: each (default: the seed decides)
  --no-outages    nothing breaks
  --bursts        each with bursts among the messages; --no-bursts: none (default: the seed decides)
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    rounds: { type: 'string', default: '10' },
    parallel: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
    gentle: { type: 'boolean' },
    outages: { type: 'boolean' },
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
  const { gentle, outages, bursts } = values;
  const seeds = Array.from({ length: rounds }, (_, i) => seed + i);
  const failed: number[] = [];
  const work = async (): Promise<void> => {
    for (let next = seeds.shift(); next !== undefined; next = seeds.shift()) {
      const options: LivePlanOptions = {
        seed: next,
        seconds,
        ...(gentle === undefined ? {} : { gentle }),
        ...(outages === undefined ? {} : { outages }),
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
async function play(options: LivePlanOptions): Promise<boolean> {
  try {
    const outcome = await runLiveSchedule(livePlanOf(options));
    say(describeLiveOutcome(outcome));
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
