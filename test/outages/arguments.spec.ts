import { describe, expect, it } from '@jest/globals';
import { planOf } from './arguments.js';

describe('the arguments of the outages', () => {
  it('none: each subject in each outage, at full length', () => {
    const { tasks, json } = planOf([])!;
    expect(json).toBe(false);
    expect(tasks).toHaveLength(15);
    expect(tasks[0]).toEqual({
      subject: 'ours',
      outage: 'killed-3',
      pace: { sendMs: 30_000, beforeMs: 5_000, awayMs: 3_000 },
    });
  });

  it('each outage ends well before its messages do', () => {
    for (const args of [[], ['--quick']]) {
      for (const { pace } of planOf(args)!.tasks) {
        expect(pace.beforeMs + pace.awayMs).toBeLessThanOrEqual(pace.sendMs * 0.6);
      }
    }
  });

  it('some of them, quick, with another window', () => {
    const plan = planOf(
      '--quick --only frozen-9,cut-5 --subjects ours --window 0 --json'.split(' '),
    )!;
    expect(plan.json).toBe(true);
    expect(plan.tasks).toEqual([
      {
        subject: 'ours',
        outage: 'frozen-9',
        pace: { sendMs: 5_000, beforeMs: 1_000, awayMs: 2_000 },
        windowMs: 0,
      },
      {
        subject: 'ours',
        outage: 'cut-5',
        pace: { sendMs: 5_000, beforeMs: 1_000, awayMs: 1_500 },
        windowMs: 0,
      },
    ]);
  });

  it('what there is not is said', () => {
    expect(() => planOf(['--only', 'flood'])).toThrow(/No outage "flood"\. There are: killed-3,/);
    expect(() => planOf(['--subjects', 'signalr'])).toThrow(/No subject "signalr"/);
    expect(() => planOf(['--window', 'long'])).toThrow(/--window must be a whole number/);
    expect(planOf(['--help'])).toBeUndefined();
  });
});
