import { describe, expect, it } from '@jest/globals';
import { recordIn } from '../../../lib/cluster/membership/instance-record.js';

const ID = '0123456789abcdef';
const SAID = {
  host: 'h',
  pid: 7,
  startedAt: 1,
  connections: 0,
  hubs: ['/'],
  listens: [],
  former: [],
};

describe('what a lease says', () => {
  it('is an instance', () => {
    expect(recordIn({ id: ID, value: JSON.stringify(SAID) })).toEqual({ id: ID, ...SAID });
  });

  it.each(['pid', 'startedAt', 'connections'])('is none where %s is no count', (name) => {
    for (const bad of [-1, 1e308, '7', null, 0.5, {}, undefined])
      expect(recordIn({ id: ID, value: JSON.stringify({ ...SAID, [name]: bad }) })).toBeUndefined();
  });

  it('is none where the host is no name', () => {
    for (const host of [7, null, 'h'.repeat(256)])
      expect(recordIn({ id: ID, value: JSON.stringify({ ...SAID, host }) })).toBeUndefined();
  });
});
