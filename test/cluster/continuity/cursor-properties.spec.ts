import { describe, it } from '@jest/globals';
import fc from 'fast-check';

import { Cursor } from '../../../lib/cluster/continuity/cursor.js';
import { anySteps, CursorPlay } from './cursor-play.js';

const numRuns = Number(process.env.RUNS ?? 5_000);

describe('a cursor, whatever happens to its log and on the way', () => {
  it('delivers each entry once, after its predecessor, or says what is lost, and ends at the top', () => {
    fc.assert(
      fc.property(anySteps(0), (steps) => new CursorPlay(Cursor).play(steps)),
      { numRuns },
    );
  });

  it('does so where answers come from places that lag', () => {
    fc.assert(
      fc.property(anySteps(6), (steps) => new CursorPlay(Cursor).play(steps)),
      { numRuns },
    );
  });
});
