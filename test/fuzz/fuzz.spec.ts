import { describe, expect, it } from '@jest/globals';
import { describeWithRedis } from '../support/redis-server.js';
import { guardProcess } from '../support/process-guard.js';
import { fuzzEnvelopes } from './fuzz-envelopes.js';
import { fuzzFrames, type FuzzReport } from './fuzz-frames.js';

// The short form of `npm run test:fuzz`, which sends 200,000 of each. To play a bad seed again,
// give it there.
const seed = Date.now() % 1_000_000;
const MIB = 1024 * 1024;

/** Few lines, as they are throttled by kind; and a heap that does not grow. */
function expectCalm({ grownBytes, lines, faults }: FuzzReport): void {
  expect(faults).toBe(0);
  expect(grownBytes).toBeLessThan(16 * MIB);
  expect(lines).toBeLessThan(60);
}

describe(`Odd frames of clients (seed ${seed})`, () => {
  guardProcess();

  it('cost no answer to anybody, and keep nothing', async () => {
    const report = await fuzzFrames({ seed, count: 3_000 });
    expectCalm(report);
    expect(report.figures.tooDeep).toBeGreaterThan(0);
  });
});

describeWithRedis(`Odd envelopes of other instances (seed ${seed})`, () => {
  guardProcess();

  it('cost no answer to anybody, leave no question open, and keep nothing', async () => {
    const report = await fuzzEnvelopes({ seed, count: 2_000 });
    expectCalm(report);
    expect(report.figures).toMatchObject({ openRequests: 0, openQuestions: 0 });
    expect(report.figures.malformed).toBeGreaterThan(0);
  });
});
