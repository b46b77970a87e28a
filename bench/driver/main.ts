/** The process of a driver. */
import { serveRunner } from '../processes/rpc.js';
import { usage } from '../processes/usage.js';
import { type Crowd, Driver, type Setup } from './driver.js';
import type { Work } from './work.js';

const driver = new Driver();

serveRunner({
  setUp: (setup: Setup) => driver.setUp(setup),
  gather: (crowd: Crowd) => driver.gather(crowd),
  join: (joins: { rooms: string[][] }) => driver.join(joins),
  scatter: () => driver.scatter(),
  begin: (work: Work) => driver.begin(work),
  counts: () => driver.counts(),
  end: (expected: { deliveries: number }) => driver.end(expected),
  burst: (work: Work) => driver.burst(work),
  usage,
});
