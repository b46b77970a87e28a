import { expect, it } from '@jest/globals';
import type { BackplaneServer } from 'nestjs-redis-backplane';
import { Instance, ownKey } from '../faults/fixtures/instance.js';
import { report } from '../integration/cluster-operations/fixtures/traffic.js';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';

const COMMAND_TIMEOUT_MS = 2_000;
const LONG_MS = 60_000;
/** The machine may be busy. Much less than the requests' own time. */
const SLACK_MS = 4_000;

const operations = (server: BackplaneServer, far: string) => {
  const all = server.timeout(LONG_MS);
  return {
    fetchSockets: all.fetchSockets(),
    countByInstance: all.countByInstance(),
    count: all.count(),
    socketsJoin: all.socketsJoin('r'),
    socketsLeave: all.socketsLeave('r'),
    disconnectSockets: all.to('nobody').disconnectSockets(),
    emitWithAck: all.to('nobody').emitWithAck('q'),
    serverSideRequest: server.serverSideRequest('never', undefined, { timeoutMs: LONG_MS }),
    'one connection': all.toConnection(far).emitWithAck('q'),
  };
};

describeWithRedis('Redis away during each operation', () => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async () => {
    const redis = track(await RedisServer.start());
    const options = { redis: redis.url, eventKeys: ownKey(), commandTimeoutMs: COMMAND_TIMEOUT_MS };
    const a = track(await Instance.boot(options));
    const b = track(await Instance.boot(options));
    b.server.onServerEvent('never', () => new Promise(() => {}));
    await Promise.all([a.backplane.ready(), b.backplane.ready()]);
    track(await a.connect());
    track(await b.connect());
    const far = [...b.server.clients][0]!.id;
    expect(await a.server.count()).toBe(2);
    // Both know each other, so that single connections go straight.
    return { redis, a, b, far };
  };

  type Booted = Awaited<ReturnType<typeof boot>>;

  const expectPartial = async (
    { b, far }: Booted,
    begun: ReturnType<typeof operations>,
    since: number,
    how: string,
  ) => {
    const counted = begun.count.catch((error: unknown) => error);
    await Promise.allSettled(Object.values(begun));
    const took = performance.now() - since;
    report(`Redis ${how}: all operations answered within ${took.toFixed(0)} ms`);
    expect(took).toBeLessThan(COMMAND_TIMEOUT_MS + SLACK_MS);
    const away = { instanceId: b.backplane.instanceId, reason: 'BACKPLANE_UNAVAILABLE' };
    const fetched = await begun.fetchSockets;
    expect([fetched.length, ...fetched.missing]).toEqual([1, away]);
    expect(await begun.countByInstance).toMatchObject({ total: 1, missing: [away] });
    expect(await counted).toMatchObject({ code: 'BACKPLANE_UNAVAILABLE' });
    expect(await begun.socketsJoin).toEqual({ connections: 1, missing: [away] });
    expect(await begun.socketsLeave).toEqual({ connections: 1, missing: [away] });
    expect(await begun.disconnectSockets).toEqual({ connections: 0, missing: [away] });
    expect(await begun.emitWithAck).toEqual({ answers: [], missing: [away] });
    expect(await begun.serverSideRequest).toEqual({ answers: [], missing: [away] });
    expect(await begun['one connection']).toEqual({
      answers: [],
      missing: [{ connectionId: far, reason: 'BACKPLANE_UNAVAILABLE' }],
    });
  };

  it('killed before: at once', async () => {
    const booted = await boot();
    const { redis, a, b, far } = booted;
    await redis.kill();
    await Promise.all([a.awaitStatus('degraded'), b.awaitStatus('degraded')]);
    await expectPartial(booted, operations(a.server, far), performance.now(), 'killed before');
    await expect(a.backplane.instances()).rejects.toMatchObject({ code: 'BACKPLANE_UNAVAILABLE' });
    expect(() => a.server.serverSideEmit('e')).not.toThrow();
    await redis.restart();
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    await Promise.all([a.backplane.ready(), b.backplane.ready()]);
    expect(await a.server.count()).toBe(2);
    expect(await b.server.toConnection([...a.server.clients][0]!.id).count()).toBe(1);
  }, 60_000);

  it.each(['killed', 'frozen'] as const)(
    '%s in the middle: within the command time-out',
    async (how) => {
      const booted = await boot();
      const { redis, a, far } = booted;
      const away = () => (how === 'killed' ? redis.kill() : redis.pause());
      // The question has left and is answered by nobody: what was to come is lost with Redis.
      const told = a.server.serverSideRequest('never', undefined, { timeoutMs: LONG_MS });
      await waitFor('it to be under way', () => a.backplane.stats().openRequests === 1);
      const stopping = away();
      const since = performance.now();
      await expectPartial(booted, operations(a.server, far), since, `${how} in the middle`);
      expect((await told).missing).toMatchObject([{ reason: 'BACKPLANE_UNAVAILABLE' }]);
      expect(a.backplane.stats().openRequests).toBe(0);
      await stopping;
      if (how === 'killed') await redis.restart();
      else redis.resume();
      await waitFor('the whole count', async () => (await a.server.count()) === 2, 30_000);
    },
    60_000,
  );
});
