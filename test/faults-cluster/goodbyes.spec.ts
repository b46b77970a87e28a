import { expect, it } from '@jest/globals';
import { ownKey } from '../faults/fixtures/instance.js';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { Node, type NodeOptions } from './fixtures/node.js';

const LEASE = { ttlMs: 10_000, renewEveryMs: 3_000 };

describeWithRedis('An instance that shuts down in order', () => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async (onMessage?: NodeOptions['onMessage']) => {
    const redis = track(await RedisServer.start());
    const options = { url: redis.url, eventKeys: ownKey(), lease: LEASE, log: new LogCapture() };
    const watcher = track(await Node.boot({ ...options, ...(onMessage && { onMessage }) }));
    const leaver = track(await Node.boot(options));
    await waitFor('both', async () => (await watcher.backplane.instances()).length === 2);
    const seen: string[] = [];
    watcher.backplane.on('instanceLeft', ({ id }, how) => seen.push(`${id} ${how}`));
    return { redis, watcher, leaver, seen, left: `${leaver.backplane.instanceId} left` };
  };

  it('has left, for one that reads the leases before the goodbye, and is not asked any more', async () => {
    // The messages wait for their turn, as behind much else; the list of leases comes at once.
    const { watcher, leaver, seen, left } = await boot((_, deliver) => setTimeout(deliver, 1_000));
    await leaver.dispose();
    const hub = watcher.backplane.hub('/chat');
    for (let i = 0; i < 3; i++) {
      expect(await watcher.backplane.instances()).toHaveLength(1);
      const { answers, missing } = await hub.countByInstance();
      const { instanceId } = watcher.backplane;
      expect([answers, missing]).toEqual([[{ instanceId, connections: 0 }], []]);
    }
    expect(seen).toEqual([]);
    await waitFor('the goodbye', () => seen.length > 0);
    expect(seen).toEqual([left]);
  });

  it('has left, for one that its goodbye never reaches', async () => {
    const { watcher, leaver, seen, left } = await boot((channel, deliver) => {
      if (!channel.endsWith(':cluster')) deliver();
    });
    await leaver.dispose();
    await waitFor('the look', async () => {
      await watcher.backplane.instances();
      return seen.length > 0;
    });
    expect(seen).toEqual([left]);
  });

  it('is named INSTANCE_LEFT where a question waits for it', async () => {
    const { watcher, leaver, left, seen } = await boot((_, deliver) => setTimeout(deliver, 800));
    let isAsked = false;
    leaver.backplane.hub('/chat').onServerEvent('slow', () => {
      isAsked = true;
      return new Promise(() => {});
    });
    await leaver.backplane.ready();
    const hub = watcher.backplane.hub('/chat');
    const asked = hub.serverSideRequest('slow', undefined, { timeoutMs: 60_000 });
    await waitFor('the question', () => isAsked);
    const { instanceId } = leaver.backplane;
    await leaver.dispose();
    expect((await asked).missing).toEqual([{ instanceId, reason: 'INSTANCE_LEFT' }]);
    expect(seen).toEqual([left]);
  });

  it('says goodbye also where Redis does not let it give up its lease', async () => {
    const { redis, leaver, seen, left } = await boot();
    await redis.cli('config', 'set', 'min-replicas-to-write', '1');
    await leaver.dispose();
    await waitFor('the goodbye', () => seen.length > 0);
    expect(seen).toEqual([left]);
  });
});
