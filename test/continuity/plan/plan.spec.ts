import { describe, expect, it } from '@jest/globals';
import { describeFault, type FaultKind } from './fault.js';
import { planOf, type PlanOptions } from './plan.js';

const plans = Array.from({ length: 300 }, (_, seed) => planOf({ seed, seconds: 20 }));

describe('a plan', () => {
  it('follows from its seed alone', () => {
    for (const seed of [1, 2, 3]) {
      expect(planOf({ seed, seconds: 20 })).toEqual(planOf({ seed, seconds: 20 }));
    }
    expect(planOf({ seed: 1, seconds: 20 }).faults).not.toEqual(
      planOf({ seed: 2, seconds: 20 }).faults,
    );
  });

  it('makes every kind of fault, sooner or later', () => {
    const kinds = new Set(plans.flatMap(({ faults }) => faults.map(({ kind }) => kind)));
    const all: Record<FaultKind, true> = {
      'kill-redis': true,
      'stop-redis': true,
      'kill-clients': true,
      'promote-replica': true,
      refuse: true,
      'forget-scripts': true,
      burst: true,
      cut: true,
      delay: true,
      stall: true,
      drop: true,
      'delete-stream': true,
      'delete-meta': true,
      'kill-instance': true,
      'block-instance': true,
      'slow-reader': true,
      'change-room': true,
    };
    expect([...kinds].sort()).toEqual(Object.keys(all).sort());
  });

  it('does one thing to Redis at a time, and nothing when the time is over', () => {
    for (const { faults } of plans) {
      let freeAt = 0;
      for (const fault of faults) {
        const endsAt = fault.atMs + ('forMs' in fault ? fault.forMs : 0);
        expect(fault.atMs).toBeLessThan(20_000);
        if (!['kill-redis', 'stop-redis', 'promote-replica'].includes(fault.kind)) continue;
        expect(fault.atMs).toBeGreaterThanOrEqual(freeAt);
        freeAt = endsAt;
      }
    }
  });

  it('has members that do not read in some, and else the same faults with them and without', () => {
    const pausing = plans.filter(({ backplane }) => backplane?.slowClient === 'pause');
    expect(pausing.length).toBeGreaterThan(plans.length / 8);
    expect(pausing.length).toBeLessThan(plans.length / 2);
    for (const seed of [1, 2, 3]) {
      const [without, of] = [false, true].map((pause) =>
        planOf({ seed, seconds: 20, pause, bursts: false }),
      );
      expect(of!.faults).toEqual(expect.arrayContaining([...without!.faults]));
      expect(of!.faults.length).toBe(without!.faults.length + 3);
    }
  });

  it('has a Redis that refuses in some, bursts in some, and else the same faults', () => {
    const kindsOf = (options: Partial<PlanOptions>) =>
      new Set(
        [1, 2, 3, 4, 5]
          .flatMap((seed) => planOf({ seed, seconds: 20, ...options }).faults)
          .map(({ kind }) => kind),
      );
    expect([...kindsOf({ refusals: true, bursts: true })]).toEqual(
      expect.arrayContaining(['refuse', 'forget-scripts', 'burst']),
    );
    const none = kindsOf({ refusals: false, bursts: false });
    for (const kind of ['refuse', 'forget-scripts', 'burst'] as const)
      expect(none).not.toContain(kind);
    const plain = planOf({ seed: 5, seconds: 20, refusals: false, bursts: false, pause: false });
    const all = planOf({ seed: 5, seconds: 20, refusals: true, bursts: true, pause: false });
    expect(all.faults).toEqual(expect.arrayContaining([...plain.faults]));
    const hows = plans.flatMap(({ faults }) =>
      faults.flatMap((fault) => (fault.kind === 'refuse' ? fault.how : [])),
    );
    expect(new Set(hows).size).toBe(4);
  });

  it('promotes a replica where there is one, and can be read', () => {
    const [plan] = plans.filter(({ replica }) => replica);
    const lines = plan!.faults.map(describeFault);
    expect(lines.filter((line) => line.includes('promote the replica'))).toHaveLength(1);
    expect(
      planOf({ seed: plan!.seed, seconds: 20, replica: false }).faults.map(({ kind }) => kind),
    ).not.toContain('promote-replica');
  });
});
