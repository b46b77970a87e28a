import { describe, expect, test } from '@jest/globals';
import { type Member, roomsOf, SEATS } from '../../sample-app/workers/smoke/cast.js';
import { judge, type Receipts, strangers } from '../../sample-app/workers/smoke/judge.js';
import {
  disorder,
  judgeReadings,
  type Reading,
} from '../../sample-app/workers/smoke/judge-history.js';
import { kinds } from '../../sample-app/workers/smoke/kinds.js';
import { markText, parseMark } from '../../sample-app/workers/smoke/mark.js';
import { renderReport } from '../../sample-app/workers/smoke/report.js';
import {
  binaryOf,
  markOfBinary,
  markOfText,
  textOf,
} from '../../sample-app/smoke/smoke.protocol.js';

const WORKERS = 3;
const COPIES = 2;

const cast: Member[] = Array.from({ length: WORKERS * SEATS }, (_, index) => {
  const [worker, seat] = [Math.floor(index / SEATS), index % SEATS];
  const rooms = roomsOf(worker, seat);
  return { worker, seat, connectionId: `c${index}`, user: `user-${index % 3}`, rooms };
});

/** What everybody gets when all goes well. */
function perfect(): (Receipts & { marks: string[] })[] {
  return cast.map((member) => {
    const marks: string[] = [];
    kinds.forEach((each, kind) => {
      for (const sender of cast.filter(({ seat }) => seat === 0)) {
        if (!each.reaches(member, sender, cast)) continue;
        for (let copy = 0; copy < COPIES; copy++) {
          marks.push(markText({ kind, worker: sender.worker, copy }));
        }
      }
    });
    return { member, marks, unreadable: [] };
  });
}

function problemsOf(receipts: readonly Receipts[]): string[] {
  return judge(kinds, WORKERS, COPIES, receipts).flatMap(({ problems }) => problems);
}

describe('the verdict of the smoke run', () => {
  test('nothing to say when everyone got what is theirs', () => {
    const receipts = perfect();
    expect(problemsOf(receipts)).toEqual([]);
    expect(strangers(receipts)).toEqual([]);
    const report = renderReport(
      judge(kinds, WORKERS, COPIES, receipts),
      ['A', 'B', 'C'],
      [],
      1_500,
    );
    expect(report).toMatch(/^total .* ok$/m);
    expect(report).toMatch(/Smoke passed: .* 0 problems, 1\.5 s$/);
  });

  test('each kind leaves somebody out, or is for all: a leak would be seen', () => {
    for (const kind of kinds.filter(({ name }) => name !== 'all')) {
      const reached = cast.filter((member) => kind.reaches(member, cast[0]!, cast));
      expect([kind.name, reached.length > 0, reached.length < cast.length]).toEqual([
        kind.name,
        true,
        true,
      ]);
    }
  });

  test('each room has members on several workers, and somebody is in two', () => {
    for (const room of new Set(cast.flatMap(({ rooms }) => rooms))) {
      const workers = cast.filter(({ rooms }) => rooms.includes(room)).map(({ worker }) => worker);
      expect([room, new Set(workers).size > 1]).toEqual([room, true]);
    }
    expect(cast.some(({ rooms }) => rooms.length > 1)).toBe(true);
  });

  test.each<[string, (receipts: { marks: string[] }[]) => void, RegExp]>([
    [
      'a missing message',
      ([first]) => void first!.marks.shift(),
      /^client a of worker 1 missed 1 of 2$/,
    ],
    ['all missing', ([first]) => void first!.marks.splice(0, 2), /missed 2 of 2/],
    ['a second copy', ([first]) => void first!.marks.push('0.0.1'), /got 1 twice/],
    [
      'what was not for one',
      (all) => void all[1]!.marks.push('1.0.0'),
      /^client b of worker 1 got 1 that were not for it$/,
    ],
    [
      'a wrong order',
      ([first]) => void first!.marks.splice(0, 2, '0.0.1', '0.0.0'),
      /out of order \(1 0\)/,
    ],
  ])('%s is a problem', (_, spoil, problem) => {
    const receipts = perfect();
    spoil(receipts);
    expect(problemsOf(receipts)).toEqual([expect.stringMatching(problem)]);
    const report = renderReport(judge(kinds, WORKERS, COPIES, receipts), ['A', 'B', 'C'], [], 10);
    expect(report).toMatch(/FAILED$/m);
    expect(report).toMatch(/Smoke FAILED: .* 1 problems/);
  });

  test('what nobody sent is a problem', () => {
    const [first, ...others] = perfect();
    const receipts = [{ ...first!, marks: ['what?'], unreadable: ['{"event":"x"}'] }, ...others];
    expect(strangers(receipts)).toEqual([
      'client a of worker 1 got what?',
      'client a of worker 1 got {"event":"x"}',
    ]);
  });
});

describe('the verdict on a history', () => {
  const kind = kinds.findIndex(({ keptIn }) => keptIn !== undefined);
  const order = perfect()[0]!.marks.filter((mark) => parseMark(mark)!.kind === kind);

  /** What every worker reads when all goes well. */
  function readings(): (Reading & { marks: string[] })[] {
    return Array.from({ length: WORKERS }, (_, worker) => ({ worker, marks: [...order] }));
  }

  function problemsOf(read: readonly Reading[]): string[] {
    const verdicts = judgeReadings(kinds[kind]!, WORKERS, COPIES, read);
    return verdicts.flatMap(({ problems }) => problems);
  }

  test('nothing to say when every worker reads what everyone got', () => {
    const verdicts = judgeReadings(kinds[kind]!, WORKERS, COPIES, readings());
    expect(verdicts).toHaveLength(WORKERS);
    for (const { expected, received } of verdicts) expect([expected, received]).toEqual([6, 6]);
    expect(problemsOf(readings())).toEqual([]);
    expect(disorder(kind, perfect(), readings())).toEqual([]);
  });

  test('what a worker does not find, or finds twice, is a problem', () => {
    const [first, second, third] = readings();
    first!.marks.shift();
    second!.marks.push(order.at(-1)!);
    expect(problemsOf([first!, second!, third!])).toEqual([
      'worker 1 missed 1 of 2',
      'worker 2 got 1 twice',
    ]);
  });

  test('a worker that reads another order is a problem', () => {
    const [first, second, third] = readings();
    second!.marks.reverse();
    const trouble = disorder(kind, perfect(), [first!, second!, third!]);
    expect(trouble).toEqual([expect.stringMatching(/^worker 2 has the order .*, worker 1 /)]);
  });

  test('a client that got another order is a problem, though each sender’s own was kept', () => {
    const receipts = perfect();
    const { marks } = receipts[2]!;
    const of = (worker: number) => marks.findIndex((m) => m.startsWith(`${kind}.${worker}.`));
    marks.splice(of(0), 0, ...marks.splice(of(1), 1));
    expect(judge(kinds, WORKERS, COPIES, receipts).flatMap(({ problems }) => problems)).toEqual([]);
    expect(disorder(kind, receipts, readings())).toEqual([
      expect.stringMatching(/^client a of worker 2 has the order/),
    ]);
  });
});

describe('the marks of the smoke run', () => {
  test('survive each way of sending', () => {
    const mark = markText({ kind: 12, worker: 3, copy: 0 });
    expect(parseMark(mark)).toEqual({ kind: 12, worker: 3, copy: 0 });
    expect(markOfText(textOf(mark))).toBe(mark);
    expect(markOfBinary(binaryOf(mark))).toBe(mark);
  });

  test('are not seen where they are not, or where a byte is wrong', () => {
    expect(parseMark('1.2')).toBeUndefined();
    expect(markOfText('1.2.3')).toBeUndefined();
    const bytes = binaryOf('1.2.3');
    bytes[50_000]! ^= 1;
    expect(markOfBinary(bytes)).toBeUndefined();
    expect(markOfBinary(bytes.subarray(1))).toBeUndefined();
    expect(markOfBinary(Buffer.alloc(0))).toBeUndefined();
  });
});
