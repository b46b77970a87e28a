import { describe, expect, it } from '@jest/globals';
import { missingOf } from '../../../lib/cluster/requests/missing.js';
import { EVERYONE, extend } from '../../../lib/hub/target.js';

/** More than a call of a function can take as its arguments. */
const MANY = 300_000;

describe('what a result lacks', () => {
  it('may be more names than a call has arguments', () => {
    const ids = Array.from({ length: MANY }, (_, n) => `0123456789abcdef.${n}`);
    const target = extend(EVERYONE, 'connections', ids);
    const named = new Map([['i', ids]]);
    const instances = [{ instanceId: 'i', reason: 'REQUEST_TIMEOUT' as const }];
    expect(missingOf(target, { instances, named, unknownConnections: [] }, [])).toHaveLength(MANY);
    const unknownConnections = missingOf(
      target,
      { instances: [], named, unknownConnections: ids },
      [],
    );
    expect(unknownConnections).toHaveLength(MANY);
  });
});
