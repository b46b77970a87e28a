import { expect, it } from '@jest/globals';
import type { RedisBackplaneOptions } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches } from './fixtures/instance.js';

const HISTORY: RedisBackplaneOptions['history'] = [{ rooms: 'h:*', size: 100, ttlMs: 60_000 }];

describeWithRedis('A user of Redis that lacks rights', () => {
  guardProcess();
  const track = closeAfterEach();

  async function serve(...taken: string[]) {
    const redis = track(await RedisServer.start());
    const operator = redis.client();
    await operator.call('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', '~*', '&*', ...taken);
    const boot = async (options: Partial<RedisBackplaneOptions> = {}) =>
      track(
        await Instance.boot({
          redis: { host: redis.host, port: redis.port, username: 'app', password: 'secret' },
          eventKeys: ownKey(),
          history: HISTORY,
          ...options,
        }),
      );
    return { redis, operator, boot };
  }

  it('is told at boot, in one line: the words of Redis, what does not work, the right', async () => {
    const { boot } = await serve('-@scripting');
    const a = await boot();
    expect(a.backplane.status).toBe('ready');
    // Besides, leases say for themselves that they are refused.
    expect(a.complaints.filter((line) => line.startsWith('error'))).toEqual([
      expect.stringMatching(
        /^error: .*NOPERM .*'eval'.*instances do not know of each other.*no message enters a room with history.*\+eval \+evalsha\./,
      ),
    ]);
  });

  it('is told of no right that is not needed', async () => {
    const { boot } = await serve('-xadd', '-xrange');
    expect((await boot({ history: [] })).complaints).toEqual([]);
    const a = await boot();
    expect(a.complaints).toEqual([
      expect.stringMatching(/^error: .*\(XADD\).*no message enters.*\(XRANGE\).*stay missing/),
    ]);
    expect(a.complaints.join()).not.toContain('instances do not know');
  });

  it('loses what it emits to a room with history, is told that it reached nobody, and why', async () => {
    const { operator, boot } = await serve();
    const a = await boot();
    const client = track(await a.connect('h:room', 'live'));
    await operator.call('ACL', 'SETUSER', 'app', '-xadd');
    a.server.to('h:room').emit('said', 'lost');
    await waitFor('the line', () => a.complaints.length > 0);
    expect(a.complaints).toEqual([
      expect.stringMatching(
        /not taken into the history.*reached nobody.*run this command.*\(XADD\)/,
      ),
    ]);
    expect(a.backplane.stats().unsent).toBe(1);
    await expect(a.server.to('h:room').publish('said', 'no')).rejects.toThrow(/\(XADD\)/);
    await reaches(a, 'live', client);
    await operator.call('ACL', 'SETUSER', 'app', '+xadd');
    await a.server.to('h:room').publish('said', 'at last');
    await client.take('the message', (frame) => JSON.stringify(frame).includes('at last'));
  });

  it('is told when nobody hears of what a history took', async () => {
    const { operator, boot } = await serve();
    const eventKeys = ownKey();
    const a = await boot({ eventKeys });
    const rights = ['probe:*', 'all:*', 'instance:*', 'direct:*', 'server:*', 'cluster'];
    const channels = rights.map((kind) => `&{${eventKeys[0]}}:${kind}`);
    await operator.call('ACL', 'SETUSER', 'app', 'resetchannels', ...channels);
    await a.awaitStatus('ready');
    await expect(a.server.to('h:room').publish('said', 1)).resolves.toMatchObject({ offset: 1 });
    await waitFor('the line', () =>
      a.complaints.some((line) => line.includes('did not publish it')),
    );
    expect(a.complaints.at(-1)).toMatch(/\(PUBLISH\)/);
  });

  it('is told anew when the link is back and other rights are missing, and not of the same', async () => {
    const { operator, boot } = await serve('-xadd');
    const a = await boot();
    const told = () => a.complaints.filter((line) => line.startsWith('error'));
    const again = async () => {
      const degraded = a.awaitStatus('degraded');
      await operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await degraded;
      await a.awaitStatus('ready');
      await a.backplane.settled();
    };
    expect(told()).toHaveLength(1);
    await again();
    await operator.call('ACL', 'SETUSER', 'app', '+xadd', '-hset');
    await again();
    await waitFor('another line', () => told().length === 2);
    expect(told()[1]).toMatch(/\(HSET\)/);
  });

  it('is asked once: an idle instance sends what it always did', async () => {
    const { redis, boot } = await serve();
    const a = await boot();
    const client = track(await a.connect('h:room'));
    await a.server.to('h:room').publish('said', 1);
    await client.nextEvent('said');
    const monitor = await redis.client().monitor();
    const seen: string[][] = [];
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      if (source !== 'lua') seen.push(args);
    });
    const probes = () =>
      seen.filter(([name, channel]) => name === 'publish' && channel!.includes(':probe:'));
    await waitFor('three probes', () => probes().length >= 3, 15_000);
    monitor.disconnect();
    const names = new Set(seen.map(([name]) => name));
    expect([...names].filter((name) => !['publish', 'evalsha', 'info'].includes(name!))).toEqual(
      [],
    );
    expect(seen.flat().filter((word) => word.endsWith(':check') || word === 'check')).toEqual([]);
    expect(seen.filter(([name]) => name === 'evalsha').length).toBeLessThanOrEqual(12);
  }, 30_000);
});
