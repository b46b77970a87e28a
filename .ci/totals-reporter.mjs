import { appendFileSync } from 'node:fs';

/** A reporter for jest: writes "<passed> <failed>" to TOTALS_FILE. A suite that could not even run is one failed test. */
export default class TotalsReporter {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    appendFileSync(process.env.TOTALS_FILE, `${results.numPassedTests} ${failed}\n`);
  }
}
