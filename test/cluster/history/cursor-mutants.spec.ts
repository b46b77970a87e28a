import { readFileSync } from 'node:fs';

import { describe, expect, it, jest } from '@jest/globals';
import { transformSync } from '@swc/core';
import fc from 'fast-check';

import type { CursorMaker } from './cursor-play.js';
import { CURSOR_PROPERTIES, propertyOf } from './cursor-properties.js';

// Thousands of sequences take seconds, and more on a machine that is busy.
jest.setTimeout(120_000);

const FOLDER = new URL('../../../lib/cluster/history/consuming/', import.meta.url);
const FILES = [
  '../../../transport/log-epoch.ts',
  'delivered-window.ts',
  'reorder-buffer.ts',
  'last-common-offset.ts',
  'cursor.ts',
];

const SOURCE = FILES.map((file) => readFileSync(new URL(file, FOLDER), 'utf8'))
  .join('\n')
  .replaceAll(/^import .*?;$/gms, '');

/** A rule, the code that keeps it, and the code that does not. */
type Mutant = [rule: string, code: string, mutant: string];

const MUTANTS: Mutant[] = [
  // What may be delivered.
  [
    'the epoch of an arrival is compared',
    'entry.epoch === this.#epoch && this.#follows',
    'this.#follows',
  ],
  ['the offset is the next one', 'entry.offset === this.#offset + 1 && ', ''],
  ['the tag before is mine', ' && entry.previousTag === this.#tag', ''],
  ['a double is dropped', 'if (this.#isRepeated(entry)) return NOTHING;', ''],
  ['a double has the same epoch', 'entry.epoch !== this.#epoch || !this', '!this'],
  [
    'a double has the same tag',
    'return this.at(offset) === tag;',
    'return this.at(offset) !== undefined;',
  ],
  ['what does not fit is repaired', 'this.#counters.gaps++;', 'return NOTHING;'],
  ['what does not fit is held', 'this.#counters.gaps++;\n    this.#hold(entry);', ''],
  [
    'what was delivered before the log went back is not delivered again',
    'if (this.#delivered!.has(entry)) {',
    'if (false) {',
  ],
  [
    'the position moves on',
    'this.#offset = entry.offset;\n    this.#tag = entry.tag;\n    if',
    'if',
  ],
  // What is held.
  [
    'what arrives is held before the first top',
    'if (!this.#subscribed || this.#pendingRead) {',
    'if (this.#delivered && (!this.#subscribed || this.#pendingRead)) {',
  ],
  ['held entries are merged', 'if (this.#advance(entry)) deliver.push(entry);', ''],
  [
    'of too many held entries the newest is kept',
    'this.clear();\n    this.#entries.push',
    'return;\n    this.#entries.push',
  ],
  [
    'held entries of another epoch are not delivered',
    'if (entry.epoch !== this.#epoch) this.#hold(entry);\n      else if',
    'if',
  ],
  [
    'what does not fit is asked for again',
    ' && !(isEmpty && this.#lastReadWasEmpty)',
    ' && !isEmpty',
  ],
  ['what the log does not know is given up', ' && !(isEmpty && this.#lastReadWasEmpty)', ''],
  // What the log answers.
  [
    'a top that differs is followed by a read',
    'if (!this.#standsAt(top)) return',
    'if (false) return',
  ],
  ['the offset of a top is compared', 'top.offset === this.#offset && ', ''],
  ['the tag of a top is compared', ' && top.tag === this.#tag', ''],
  ['the epoch of a top is compared', ' && top.epoch === this.#epoch', ''],
  [
    'an answer to an earlier wish is ignored',
    'if (pendingRead !== this.#pendingRead) return NOTHING;',
    '',
  ],
  ['another epoch is a loss', 'if (top.epoch !== this.#epoch) return this.#beginAnew(top);', ''],
  [
    'a new epoch is followed from its first entry',
    'return top.offset === 0 ? this.#join(0, [], lost) : this.#wantAfter(0, [], lost);',
    'return this.#join(0, [], lost);',
  ],
  [
    'the place before all entries outlives its epoch, for a read',
    'if (this.#isBeforeAllOf(top.epoch)) this.#moveTo(beginningOf(top));\n    if (top.epoch',
    'if (top.epoch',
  ],
  [
    'only the place before all entries outlives its epoch',
    'return isAtBeginning && epoch',
    'return epoch',
  ],
  ['it does so while the data is the same', ' && isSameBeginning(this.#epoch, epoch)', ''],
  ['a read begins with what follows the last delivered', 'from: offset + 1', 'from: offset + 2'],
  [
    'a read that does not reach the top is followed by another',
    'if (this.#offset >= top.offset)',
    'if (true)',
  ],
  [
    'a loss moves the cursor to the top',
    'this.#moveTo(top);\n    return this.#join(top',
    'return this.#join(top',
  ],
  [
    'what is remembered is forgotten at a loss',
    'this.#delivered = new DeliveredWindow(top,',
    'this.#delivered ??= new DeliveredWindow(top,',
  ],
  // Forks.
  ['a fork is looked for further back', 'if (pendingRead.from > oldest + 1 &&', 'if (false &&'],
  ['a log that lost its end is looked at further back', 'top.offset < from || ', ''],
  ['the top may be the common past', 'if (delivered.has(top)) return top.offset;', ''],
  ['the common past is the newest', 'entries.findLast', 'entries.find'],
  [
    'the common past may be just gone',
    'if (first && delivered.at(first.offset - 1)',
    'if (false && delivered.at(first!.offset - 1)',
  ],
  ['the cursor goes back to the common past', 'this.#offset = common;\n    this.#tag', 'this.#tag'],
  ['a fork is told from a trimmed log by its top', 'top.offset <= delivered.newest || ', ''],
  ['a fork is told from a trimmed log by its first entry', ' || first <= delivered.newest + 1', ''],
];

async function cursorOf(source: string): Promise<CursorMaker> {
  const { code } = transformSync(source, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  });
  const { Cursor } = (await import(
    `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`
  )) as { Cursor: CursorMaker };
  return Cursor;
}

/**
 * The name of a property that does not hold. Each is tried a little, then each a little more; the
 * same at each run.
 */
function broken(CursorClass: CursorMaker, rounds: number): string | undefined {
  for (let seed = 1; seed <= rounds; seed++) {
    const property = CURSOR_PROPERTIES.find((candidate) => {
      const parameters = { seed, numRuns: 200, endOnFailure: true };
      return fc.check(propertyOf(candidate, CursorClass), parameters).failed;
    });
    if (property) return property.name;
  }
  return undefined;
}

describe('the properties of a cursor notice when', () => {
  it.each(MUTANTS)('not: %s', async (_rule, code, mutant) => {
    expect(SOURCE.split(code)).toHaveLength(2);
    const CursorClass = await cursorOf(SOURCE.replace(code, () => mutant));
    expect(broken(CursorClass, 100)).toBeDefined();
  });

  it('nothing is changed: they hold', async () => {
    expect(broken(await cursorOf(SOURCE), 3)).toBeUndefined();
  });
});
