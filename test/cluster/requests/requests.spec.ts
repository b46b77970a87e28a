import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Requests } from '../../../lib/cluster/requests/requests.js';

describe('The open questions', () => {
  let requests: Requests;

  beforeEach(() => {
    requests = new Requests({
      link: { status: 'ready', onStatus: () => () => {} },
      instances: { listMembers: async () => [], known: () => [] },
      transport: { publish: async () => {} },
      channels: { direct: (id) => id, cluster: () => 'cluster' },
      identity: { current: 'current', former: [] },
      commandTimeoutMs: 1_000,
    });
  });

  afterEach(() => requests.close());

  const open = (origin: string) =>
    requests.open({
      sequence: requests.nextSequence(),
      origin,
      timeoutMs: 1_000,
      onMessage: () => {},
    }).pending;

  it('are known by the id under which they were asked, until the last of them has ended', async () => {
    const [first, second] = [open('former'), open('former')];
    open('current');
    first.expectOthers([]);
    await first.done;
    expect([requests.isAsking('former'), requests.isAsking('current')]).toEqual([true, true]);
    second.expectOthers([]);
    await second.done;
    expect([requests.isAsking('former'), requests.isAsking('current')]).toEqual([false, true]);
    expect(requests.size).toBe(1);
  });
});
