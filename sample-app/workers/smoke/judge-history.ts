import { compare, nameOf } from './judge.js';
import type { Receipts, Verdict } from './judge.js';
import type { Kind } from './kinds.js';
import { parseMark } from './mark.js';

/** What one worker read of a room's history, in its order. */
export interface Reading {
  worker: number;
  marks: readonly string[];
}

/** Whether each worker finds in the history, once and in order, what each worker sent. */
export function judgeReadings(
  kind: Pick<Kind, 'name'>,
  workers: number,
  copies: number,
  readings: readonly Reading[],
): Verdict[] {
  return Array.from({ length: workers }, (_, worker) => {
    const verdict: Verdict = {
      kind: `${kind.name}, read back`,
      worker,
      sent: 0,
      expected: readings.length * copies,
      received: 0,
      problems: [],
    };
    for (const { worker: reader, marks } of readings) {
      const sent = marks.map(parseMark).filter((mark) => mark?.worker === worker);
      const numbers = sent.map((mark) => mark!.copy);
      verdict.received += numbers.length;
      const problems = compare(numbers, copies);
      verdict.problems.push(...problems.map((text) => `worker ${reader + 1} ${text}`));
    }
    return verdict;
  });
}

/** Who got the messages of a kind in another order than the history has. */
export function disorder(
  kindNumber: number,
  receipts: readonly Receipts[],
  readings: readonly Reading[],
): string[] {
  const [first, ...others] = readings.map(({ worker, marks }) => {
    return { who: `worker ${worker + 1}`, order: marks.join(' ') };
  });
  const got = receipts.map(({ member, marks }) => {
    const ofKind = marks.filter((mark) => parseMark(mark)?.kind === kindNumber);
    return { who: nameOf(member), order: ofKind.join(' ') };
  });
  return [...others, ...got.filter(({ order }) => order !== '')]
    .filter(({ order }) => order !== first?.order)
    .map(({ who, order }) => `${who} has the order ${order}, ${first?.who} ${first?.order}`);
}
