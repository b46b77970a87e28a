/** `npm run bench`. */
import { publish } from './report/publish.js';
import { planOf } from './run/arguments.js';
import { say } from './common/progress.js';
import { isUnsupported } from './common/outcome.js';
import { run } from './run/run.js';

try {
  const plan = planOf(process.argv.slice(2));
  if (plan) {
    const results = await run(plan);
    publish(results, plan.complete);
    const failures = results.scenarios.flatMap(({ scenario, targets }) =>
      targets.flatMap((one) =>
        one.failures
          .filter((why) => !isUnsupported(why))
          .map((why) => `${scenario}, ${one.target}: ${why}`),
      ),
    );
    for (const failure of failures) say(`FAILED ${failure}`);
    process.exitCode = failures.length > 0 ? 1 : 0;
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
