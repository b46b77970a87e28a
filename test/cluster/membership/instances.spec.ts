import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Identity } from '../../../lib/cluster/membership/identity.js';
import { Instances, type InstancesOptions } from '../../../lib/cluster/membership/instances.js';
import type { Link } from '../../../lib/cluster/link/link.js';
import type { LocalHubs } from '../../../lib/cluster/local/local-hubs.js';
import { newInstanceId } from '../../../lib/cluster/wire/instance-id.js';
import { decodeEnvelope, encodeControl, EnvelopeKind } from '../../../lib/cluster/wire/envelope.js';
import { encodeControlPayload } from '../../../lib/cluster/wire/control-payload.js';
import { waitFor } from '../../support/wait-for.js';
import { ControllableTransport } from '../controllable-transport.js';
import { ChannelNames } from '../../../lib/cluster/wire/channels.js';
import type { Transport } from '../../../lib/transport/transport.js';
import { ThrottledLog } from '../../../lib/cluster/common/throttled-log.js';
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
      hubs: hubs as unknown as LocalHubs,
      listens: () => [],
      isAsking: (id) => asking.has(id),
      liveWindowMs: 0,
      onMembers: () => {},
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
    const { current, former } = identity;
    await instances.refresh();
    holdsLease = false;
    await renewLater();
    expect(identity.former).toEqual([...former, current]);
    return current;
  };

  it('is kept for good if it was the first: live messages are numbered under it', async () => {
    expect(await lapse()).toBe(identity.life);
    await renewLater();
    expect(identity.isOwn(identity.life)).toBe(true);
    expect(acquired.has(channels.direct(identity.life))).toBe(true);
  });

  const renewLater = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 2 * TTL_MS));
    await instances.refresh();
  };

  it('is given up when nothing needs it any more', async () => {
    await lapse();
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
    await lapse();
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

describe('Instances that find each other', () => {
  const channels = new ChannelNames(['k']);
  const lease = { ttlMs: 60_000, renewEveryMs: 30_000 };
  let transport: ControllableTransport;
  let all: { instances: Instances; identity: Identity; serves: string[]; events: string[] }[];

  beforeEach(async () => {
    transport = new ControllableTransport();
    all = [];
    await transport.start({ message: () => {}, up: () => {}, down: () => {} });
    // What one says, the others hear at once.
    transport.publish = async (_, bytes) => {
      const envelope = decodeEnvelope(bytes)!;
      for (const { instances, identity } of all)
        if (envelope.origin !== identity.current) instances.receive(envelope);
    };
  });
  afterEach(async () => {
    for (const { instances } of all) await instances.close();
    await transport.close();
  });

  const boot = async () => {
    const [identity, serves, events] = [new Identity(), [] as string[], [] as string[]];
    const link = {
      status: 'ready',
      onStatus: () => () => {},
      subscriptions: { acquire: () => ({ confirmed: Promise.resolve() }), release: () => {} },
    };
    const instances = new Instances({
      transport,
      link: link as unknown as Link,
      channels,
      identity,
      hubs: { connections: 0, listening: () => [...serves] } as unknown as LocalHubs,
      listens: () => [],
      isAsking: () => false,
      liveWindowMs: 0,
      onMembers: () => {},
      commandTimeoutMs: 5_000,
      lease,
      logger: new FakeLogger(),
      log: new ThrottledLog(new FakeLogger()),
      joined: ({ id }) => events.push(`+${id}`),
      gone: ({ id }, how) => events.push(`-${id} ${how}`),
    });
    const one = { instances, identity, serves, events };
    all.push(one);
    await instances.refresh();
    return one;
  };
  const key = channels.leases();

  it('know soon of each other, and of the hubs that each comes to serve', async () => {
    const [a, b] = [await boot(), await boot()];
    await waitFor('the newcomer', () => a.events.length === 1);
    expect(a.events).toEqual([`+${b.identity.current}`]);
    b.serves.push('/chat');
    await b.instances.refresh();
    await waitFor('the hub', () => a.instances.known()[0]!.hubs.join() === '/chat');
    expect(a.events).toHaveLength(1);
  });

  it('claim a lease again as soon as a look shows that it is gone', async () => {
    const [a, b] = [await boot(), await boot()];
    await waitFor('the newcomer', () => a.events.length === 1);
    for (const { identity } of all) await transport.leases.drop(key, identity.current, 1);
    expect(await a.instances.listMembers()).toHaveLength(1);
    expect(a.instances.isStale).toBe(true);
    await a.instances.settled();
    // The other is told to look, and finds that its own is gone, too.
    await waitFor('both', async () => (await transport.leases.list(key)).leases.length === 2);
    expect([a.instances.isStale, a.instances.isComplete]).toEqual([false, false]);
    expect([a.events.length, b.events.length]).toEqual([1, 0]);
  });

  it('do not believe a list to be complete that has a lease without a value, of a stranger', async () => {
    const a = await boot();
    const id = newInstanceId();
    await transport.leases.claim(key, id, '', lease.ttlMs);
    expect(await a.instances.listMembers()).toEqual([]);
    expect([a.instances.isStale, a.instances.isComplete]).toEqual([true, false]);
    expect((await a.instances.list()).stale).toBe(true);
    await transport.leases.drop(key, id, 1);
    await a.instances.listMembers();
    expect([a.instances.isStale, a.instances.isComplete]).toEqual([false, true]);
    expect((await a.instances.list()).stale).toBeUndefined();
  });

  it('wait for nobody that missed two requests, while nobody can tell whether it lives', async () => {
    const [a, b] = [await boot(), await boot()];
    await waitFor('the newcomer', () => a.events.length === 1);
    const id = b.identity.current;
    for (let i = 0; i < 3; i++) a.instances.missed([id]);
    expect(a.instances.isSilent(id)).toBe(false);
    await transport.leases.drop(key, a.identity.current, 1);
    await a.instances.listMembers();
    a.instances.missed([id, 'unknown']);
    expect(a.instances.isSilent(id)).toBe(false);
    a.instances.missed([id, 'unknown']);
    expect([a.instances.isSilent(id), a.instances.isSilent('unknown')]).toEqual([true, false]);
    a.instances.heard(id);
    expect(a.instances.isSilent(id)).toBe(false);
  });

  it('look once for many announcements', async () => {
    const a = await boot();
    const look = jest.spyOn(transport.leases, 'list');
    const record = { host: 'h', pid: 1, startedAt: 1, connections: 0, hubs: [], listens: [] };
    const value = JSON.stringify({ ...record, former: [] });
    for (let i = 0; i < 1_000; i++) {
      const origin = newInstanceId();
      a.instances.receive(
        decodeEnvelope(
          encodeControl({
            kind: EnvelopeKind.announcement,
            origin,
            sequence: 0,
            payload: encodeControlPayload({ value }),
          }),
        )!,
      );
    }
    await waitFor('the look', () => look.mock.calls.length > 0);
    expect(look).toHaveBeenCalledTimes(1);
    expect(a.events).toEqual([]);
  });
});
