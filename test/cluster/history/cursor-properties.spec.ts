import { describe, it } from '@jest/globals';
import fc from 'fast-check';

import { Cursor } from '../../../lib/cluster/history/consuming/cursor.js';
import { CURSOR_PROPERTIES, propertyOf } from './cursor-properties.js';

const numRuns = Number(process.env.RUNS ?? 5_000);

describe('a cursor, whatever happens to its log and on the way,', () => {
  it.each(CURSOR_PROPERTIES)('$name', (property) => {
    fc.assert(propertyOf(property, Cursor), { numRuns });
  });
});
