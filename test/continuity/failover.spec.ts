import { expect, it } from '@jest/globals';
import { report } from '../faults/fixtures/instance.js';
import { describeWithRedis } from '../support/redis-server.js';
import { type Plan, roomNames } from './plan/plan.js';
import { describeOutcome } from './report.js';
import { runSchedule } from './stage/schedule.js';
import { acceptedOf } from './verdict/accepted.js';

const rooms = roomNames(20);

/** Nothing goes wrong but that the replica which takes over lacks what the last moments brought. */
const plan: Plan = {
  seed: 1,
  seconds: 6,
  replica: true,
  instances: 3,
  rooms,
  messagesPerSecond: 100,
  readers: Array.from({ length: 9 }, (_, i) => ({ instance: i % 3, rooms })),
  faults: [{ kind: 'promote-replica', atMs: 2_000, forMs: 1_500 }],
};

describeWithRedis('A replica that lags, promoted by hand', () => {
  it('makes nobody skip anything in silence', async () => {
    const outcome = await runSchedule(plan);
    expect(describeOutcome(outcome)).toContain(': good');
    const accepted = [...acceptedOf(outcome.run.chapters).values()];
    const forfeited = accepted.flatMap(({ entries }) => entries.filter((one) => one.forfeited));
    const forked = accepted.filter(({ entries }) => entries.some((one) => one.forfeited));
    report(
      `${forfeited.length} messages in ${forked.length} rooms were on the former master only; ` +
        `${outcome.figures.lost} losses were told, ${outcome.figures.repaired} messages repaired`,
    );
    // Enough that offsets were given twice, and members had got what is gone.
    expect(forfeited.length).toBeGreaterThan(100);
    expect(outcome.figures.repaired + outcome.figures.lost).toBeGreaterThan(0);
  }, 120_000);

  it('waits for its master to be back, where that begins anew just then', async () => {
    const outcome = await runSchedule({
      ...plan,
      seconds: 4,
      faults: [
        { kind: 'kill-redis', keeps: false, atMs: 1_500, forMs: 0 },
        { kind: 'promote-replica', atMs: 1_501, forMs: 0 },
      ],
    });
    expect(describeOutcome(outcome)).toContain(': good');
    expect(outcome.run.chapters).toHaveLength(3);
  }, 120_000);
});
