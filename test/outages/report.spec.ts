import { describe, expect, it } from '@jest/globals';
import { planOf } from './arguments.js';
import { describePlayed, faultsOf, type Played, tableOf } from './report.js';
import type { TaskResult } from './task.js';

const GOOD: TaskResult = {
  figures: {
    sent: 1_500,
    lost: 0,
    lostAtHome: 0,
    doubled: 0,
    disordered: 0,
    silenceMs: 61,
    lateMs: undefined,
  },
  thrown: 0,
  told: { a: { resent: 7, unsent: 0 }, b: {} },
  unhandled: 0,
};

function played(subject: string, result?: TaskResult): Played {
  const { tasks } = planOf(['--only', 'killed-3', '--subjects', subject])!;
  return { task: tasks[0]!, ...(result === undefined ? {} : { result }) };
}

const having = (figures: Partial<TaskResult['figures']>): TaskResult => ({
  ...GOOD,
  figures: { ...GOOD.figures, ...figures },
});

describe('the report of outages', () => {
  it.each<[string, TaskResult | undefined, string]>([
    ['a loss', having({ lost: 1 }), '1 lost on the other instance'],
    ['a loss at home', having({ lostAtHome: 1 }), "1 lost on the sender's own instance"],
    ['a double', having({ doubled: 2 }), '2 doubled'],
    ['disorder', having({ disordered: 3 }), '3 out of order'],
    ['silence', having({ silenceMs: 501 }), "silence of 0.5 s on the sender's own instance"],
    ['an unhandled error', { ...GOOD, unhandled: 1 }, '1 unhandled errors'],
    ['an emit that threw', { ...GOOD, thrown: 1 }, 'emit threw 1 times'],
    ['a trial without an end', undefined, 'broken off'],
  ])('%s of ours is a failure, and that of others is none', (_name, result, fault) => {
    expect(faultsOf([played('ours', result)])).toEqual([`killed-3: ${fault}`]);
    expect(faultsOf([played('classic', result)])).toEqual([]);
  });

  it('a good run has no failure', () => {
    expect(faultsOf([played('ours', GOOD), played('streams', GOOD)])).toEqual([]);
  });

  it('the table has a row for each trial', () => {
    const rows = tableOf([
      played('ours', having({ lateMs: 1_240 })),
      played('classic', having({ lost: 215 })),
      played('streams'),
    ]).split('\n');
    expect(rows.slice(2)).toEqual([
      '| Redis killed, back after 3 s | ours | 0 of 1500 | 0 | 0 | 0.1 s | 1.2 s | 0 |',
      '| Redis killed, back after 3 s | Socket.IO, redis-adapter | 215 of 1500 | 0 | 0 | 0.1 s | none was late | 0 |',
      '| Redis killed, back after 3 s | Socket.IO, redis-streams-adapter | broken off |  |  |  |  |  |',
    ]);
  });

  it('a line tells what an instance counts itself', () => {
    expect(describePlayed(played('ours', GOOD))).toBe(
      'killed-3, ours: 0 of 1500 lost, 0 at home, 0 doubled, 0 out of order; silence 0.1 s; nothing late (a: resent 7)',
    );
  });
});
