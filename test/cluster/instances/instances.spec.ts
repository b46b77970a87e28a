import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Identity } from '../../../lib/cluster/instances/identity.js';
import { Instances, type InstancesOptions } from '../../../lib/cluster/instances/instances.js';
import type { Link } from '../../../lib/cluster/link/link.js';
import type { ServedHubs } from '../../../lib/cluster/served-hubs.js';
import { ChannelNames } from '../../../lib/cluster/wire/channels.js';
import type { Transport } from '../../../lib/transport/transport.js';
import { ThrottledLog } from '../../../lib/cluster/throttled-log.js';
import { FakeLogger } from '../fake-logger.js';

const TTL_MS = 5;

describe('A former id of this instance', () => {
  const channels = new ChannelNames(['k']);
  let identity: Identity;
  let holdsLease: boolean;
  let acquired: Set<string>;
  let connectionIds: string[];
  let asking: Set<string>;
  let instances: Instances;

  beforeEach(() => {
    holdsLease = false;
    identity = new Identity();
    acquired = new Set();
    connectionIds = [];
    asking = new Set();
    const transport = {
      leases: {
        claim: async () => {
          holdsLease = true;
          return { leases: [], departed: [] };
        },
        renew: async () => (holdsLease ? { leases: [], departed: [] } : undefined),
        drop: async () => {},
      },
      publish: async () => {},
    };
    const link = {
      status: 'ready',
      onStatus: () => () => {},
      subscriptions: {
        acquire: async (channel: string) => void acquired.add(channel),
        release: (channel: string) => void acquired.delete(channel),
      },
    };
    const hubs = {
      connections: 0,
      listening: () => [],
      connectionIds: () => connectionIds,
      listenAs: async () => {},
      silenceAs: () => {},
    };
    instances = new Instances({
      transport: transport as unknown as Transport,
      link: link as unknown as Link,
      channels,
      identity,
      hubs: hubs as unknown as ServedHubs,
      listens: () => [],
      isAsking: (id) => asking.has(id),
      commandTimeoutMs: 1_000,
      lease: { ttlMs: TTL_MS, renewEveryMs: 60_000 },
      logger: new FakeLogger(),
      log: new ThrottledLog(new FakeLogger()),
      joined: () => {},
      gone: () => {},
    } satisfies InstancesOptions);
  });

  afterEach(() => instances.close());

  /** Answers with the id that the lease had. */
  const lapse = async (): Promise<string> => {
    const { current } = identity;
    await instances.refresh();
    holdsLease = false;
    await renewLater();
    expect(identity.former).toEqual([current]);
    return current;
  };

  const renewLater = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 2 * TTL_MS));
    await instances.refresh();
  };

  it('is given up when nothing needs it any more', async () => {
    const former = await lapse();
    expect(acquired.has(channels.direct(former))).toBe(true);
    await renewLater();
    expect(identity.isOwn(former)).toBe(false);
    expect(acquired.has(channels.direct(former))).toBe(false);
  });

  it.each<[string, (former: string) => void, () => void]>([
    [
      'a connection has its id from it',
      (id) => connectionIds.push(`${id}.1`),
      () => connectionIds.pop(),
    ],
    ['a question asked under it is open', (id) => asking.add(id), () => asking.clear()],
  ])('is kept while %s', async (_, need, needNoMore) => {
    const former = await lapse();
    need(former);
    await renewLater();
    expect(identity.isOwn(former)).toBe(true);
    expect(acquired.has(channels.direct(former))).toBe(true);
    needNoMore();
    await renewLater();
    expect(identity.isOwn(former)).toBe(false);
    expect(acquired.has(channels.direct(former))).toBe(false);
  });
});
