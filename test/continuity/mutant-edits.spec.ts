import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { LIVE_MUTANTS } from '../live-faults/mutants.js';
import { HISTORY_MUTANTS } from './mutants.js';

const LIBRARY = new URL('../../lib/', import.meta.url);

// The mutants and mutants themselves take minutes: this says in no time that the code has changed
// under one of them.
describe('What is taken out of the library', () => {
  it.each([...HISTORY_MUTANTS, ...LIVE_MUTANTS])(
    'for want of $lacks is there, once',
    ({ edits }) => {
      for (const { file, code } of edits)
        expect(readFileSync(new URL(file, LIBRARY), 'utf8').split(code)).toHaveLength(2);
    },
  );
});
