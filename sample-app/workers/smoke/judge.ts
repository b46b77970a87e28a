import { at } from './cast.js';
import type { Member } from './cast.js';
import type { Kind } from './kinds.js';
import { parseMark } from './mark.js';

/** What one member got, in its order: marks, or what it could not read. */
export interface Receipts {
  member: Member;
  marks: readonly string[];
  unreadable: readonly string[];
}

/** How one kind, sent by one worker, fared. */
export interface Verdict {
  kind: string;
  worker: number;
  sent: number;
  expected: number;
  received: number;
  problems: string[];
}

/** Holds what arrived against what should have, message by message. */
export function judge(
  kinds: readonly Kind[],
  workers: number,
  copies: number,
  receipts: readonly Receipts[],
): Verdict[] {
  const cast = receipts.map((each) => each.member);
  return kinds.flatMap((kind, kindNumber) =>
    Array.from({ length: workers }, (_, worker) => {
      const sender = at(cast, worker, 0);
      const verdict: Verdict = {
        kind: kind.name,
        worker,
        sent: copies,
        expected: 0,
        received: 0,
        problems: [],
      };
      for (const { member, marks } of receipts) {
        const got = marks.map(parseMark).filter((mark) => mark?.kind === kindNumber);
        const numbers = got.filter((mark) => mark?.worker === worker).map((mark) => mark!.copy);
        const due = kind.reaches(member, sender, cast) ? copies : 0;
        verdict.expected += due;
        verdict.received += numbers.length;
        verdict.problems.push(...compare(numbers, due).map((text) => `${nameOf(member)} ${text}`));
      }
      return verdict;
    }),
  );
}

/** What arrived and means nothing to us. */
export function strangers(receipts: readonly Receipts[]): string[] {
  return receipts.flatMap(({ member, marks, unreadable }) => {
    const unknown = marks.filter((mark) => parseMark(mark) === undefined);
    return [...unknown, ...unreadable].map((what) => `${nameOf(member)} got ${what}`);
  });
}

/** The copies must be 0, 1, 2 … in this order, each once. */
export function compare(got: readonly number[], due: number): string[] {
  if (due === 0) return got.length === 0 ? [] : [`got ${got.length} that were not for it`];
  const problems: string[] = [];
  const missing = Array.from({ length: due }, (_, copy) => copy).filter((c) => !got.includes(c));
  if (missing.length > 0) problems.push(`missed ${missing.length} of ${due}`);
  const doubles = got.length - new Set(got).size;
  if (doubles > 0) problems.push(`got ${doubles} twice`);
  if (got.some((copy, index) => index > 0 && copy < got[index - 1]!)) {
    problems.push(`got them out of order (${got.join(' ')})`);
  }
  return problems;
}

export function nameOf({ worker, seat }: Member): string {
  return `client ${'ab'[seat] ?? seat} of worker ${worker + 1}`;
}
