import { loadavg } from 'node:os';

import { Child } from '../processes/child.js';
import { BenchRedis } from '../processes/redis.js';
import { machine } from '../report/machine.js';
import { type Results, resultsOf } from '../report/results.js';
import type { Plan } from '../scenarios/plan.js';
import { withPackages } from './packages.js';
import { duration, say } from '../common/progress.js';
import { runRounds } from './rounds.js';

/** Runs a plan to its end, or until Ctrl-C; whatever was started has ended then. */
export async function run(given: Plan): Promise<Results> {
  const plan = { ...given, targets: withPackages(given.targets) };
  let aborted = false;
  const abort = (): void => {
    if (aborted) process.exit(130);
    aborted = true;
    say('\nStopping …');
    void Child.stopAll().then(() => process.exit(130));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, abort);

  const started = Date.now();
  const loadBefore = loadavg()[0]!;
  const redis = await BenchRedis.start();
  try {
    const outcomes = await runRounds(plan, redis, () => aborted);
    say(`\nTook ${duration(Date.now() - started)}.`);
    return resultsOf(plan, outcomes, { ...machine(), redis: redis.version, loadBefore });
  } finally {
    await redis.stop();
    await Child.stopAll();
  }
}
