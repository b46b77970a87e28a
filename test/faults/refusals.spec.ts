import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import {
  describeWithRedis,
  RedisServer,
  type RedisServerOptions,
} from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches, report } from './fixtures/instance.js';

describeWithRedis('A Redis that answers, and refuses', () => {
  guardProcess();
  const track = closeAfterEach();

  async function boot(server: RedisServerOptions = {}, redisOptions: object = {}) {
    const redis = track(await RedisServer.start(server));
    const eventKeys = ownKey();
    const a = track(
      await Instance.boot({
        redis: { host: redis.host, port: redis.port, password: redis.password, ...redisOptions },
        eventKeys,
      }),
    );
    await a.awaitStatus('ready');
    const client = track(await a.connect('room'));
    return { redis, eventKeys, a, client };
  }

  /** It serves its own clients, and has told once that it is alone, and once why that lasts. */
  async function standsAlone(a: Instance, why: RegExp) {
    await waitFor('the reason in the log', () => a.complaints.some((line) => why.test(line)));
    const client = track(await a.connect('meanwhile'));
    a.server.to('meanwhile').emit('alone');
    await client.nextEvent('alone');
    expect(a.backplane.status).toBe('degraded');
    expect(a.complaints.filter((line) => why.test(line))).toHaveLength(1);
    return client;
  }

  it('has no room for another client for a while', async () => {
    const { redis, a, client } = await boot({ args: ['--maxclients', '4'] });
    const operator = redis.client({ retryStrategy: () => null });
    await operator.ping();
    const degraded = a.awaitStatus('degraded');
    // Another app takes every place while the instance is out.
    await operator.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await operator.config('SET', 'maxclients', '1');
    await operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await degraded;
    const newcomer = await standsAlone(a, /max number of clients|maxclients/);
    await delay(1_000);
    expect(a.complaints).toHaveLength(2);
    await operator.config('SET', 'maxclients', '100');
    const mended = performance.now();
    await a.awaitStatus('ready');
    report(`maxclients: ready ${(performance.now() - mended).toFixed()} ms after there was room`);
    await reaches(a, 'room', client);
    await reaches(a, 'meanwhile', newcomer);
    expect(a.complaints).toHaveLength(2);
    expect(a.returns).toHaveLength(1);
  }, 30_000);

  it('had no room at boot', async () => {
    const redis = track(await RedisServer.start());
    const operator = redis.client();
    await operator.config('SET', 'maxclients', '1');
    const a = track(await Instance.boot({ redis: redis.url, eventKeys: ownKey() }));
    expect(a.backplane.status).toBe('degraded');
    expect(a.complaints).toEqual([
      expect.stringMatching(/^warn: .*(max number of clients|maxclients)/),
    ]);
    const client = track(await a.connect('room'));
    await operator.config('SET', 'maxclients', '100');
    await a.awaitStatus('ready');
    await reaches(a, 'room', client);
  });

  it('has another password now', async () => {
    const { redis, a, client } = await boot();
    const operator = redis.client({ retryStrategy: () => null });
    await operator.config('SET', 'requirepass', 'changed');
    const degraded = a.awaitStatus('degraded');
    await operator.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await degraded;
    const newcomer = await standsAlone(a, /NOAUTH|WRONGPASS|no password|without any password/i);
    await delay(1_000);
    expect(a.complaints).toHaveLength(2);
    expect(a.complaints.join()).not.toContain('changed');
    await operator.config('SET', 'requirepass', '');
    await a.awaitStatus('ready');
    await reaches(a, 'room', client);
    await reaches(a, 'meanwhile', newcomer);
    expect(a.returns).toHaveLength(1);
  }, 30_000);

  it('is wrong about the password now, given one', async () => {
    const { redis, a, client } = await boot({ password: 'first' });
    const operator = redis.client({ retryStrategy: () => null });
    await operator.config('SET', 'requirepass', 'second');
    const degraded = a.awaitStatus('degraded');
    await operator.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await degraded;
    await standsAlone(a, /WRONGPASS|invalid password/);
    expect(a.complaints.join()).not.toMatch(/first|second/);
    await operator.config('SET', 'requirepass', 'first');
    await a.awaitStatus('ready');
    await reaches(a, 'room', client);
  }, 30_000);

  it('forbids all channels, from one moment to the next', async () => {
    const { redis, a, client } = await boot();
    const operator = redis.client();
    await operator.call('ACL', 'SETUSER', 'default', 'resetchannels');
    // Redis closes the subscribers that may not be what they are.
    await a.awaitStatus('degraded');
    const newcomer = await standsAlone(a, /NOPERM/);
    await operator.call('ACL', 'SETUSER', 'default', 'allchannels');
    await a.awaitStatus('ready');
    await reaches(a, 'room', client);
    await reaches(a, 'meanwhile', newcomer);
    expect(a.complaints.length).toBeLessThanOrEqual(2);
    expect(a.returns).toHaveLength(1);
  }, 30_000);

  it('forbids the channel of one room: not ready while one subscription is not confirmed', async () => {
    const redis = track(await RedisServer.start());
    const [eventKey] = ownKey() as [string];
    const operator = redis.client();
    const allowed = ['probe', 'all', 'instance', 'direct', 'server'].map(
      (kind) => `&{${eventKey}}:${kind}:*`,
    );
    await operator.call('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', '~*', ...allowed);
    const exactly = [`&{${eventKey}}:cluster`, `&{${eventKey}}:room:/chat:good`];
    await operator.call('ACL', 'SETUSER', 'app', ...exactly);
    const a = track(
      await Instance.boot({
        redis: { host: redis.host, port: redis.port, username: 'app', password: 'secret' },
        eventKeys: eventKey,
      }),
    );
    await a.awaitStatus('ready');
    const client = track(await a.connect('good'));
    await reaches(a, 'good', client);

    const degraded = a.awaitStatus('degraded');
    // Joined for the clients of this instance, refused in the cluster.
    expect(await client.request('join', ['bad'])).toBe(1);
    await degraded;
    const connections = async () =>
      ((await operator.client('LIST')) as string).match(/ user=app /g);
    const ids = async () =>
      ((await operator.client('LIST')) as string).match(/^id=\d+(?=.* user=app )/gm);
    const before = await ids();
    expect(await connections()).toHaveLength(2);
    await standsAlone(a, /NOPERM/);
    await delay(2_000);
    expect(a.backplane.status).toBe('degraded');
    expect(a.statuses()).toEqual(['ready', 'degraded']);
    expect(a.complaints).toHaveLength(1);
    // What is refused is no reason to make connections anew.
    expect(await ids()).toEqual(before);

    await operator.call('ACL', 'SETUSER', 'app', `&{${eventKey}}:room:/chat:*`);
    await a.awaitStatus('ready');
    await reaches(a, 'bad', client);
  }, 30_000);

  it('is out of memory: broadcasts need none', async () => {
    const { redis, a, client } = await boot();
    const operator = redis.client();
    await operator.config('SET', 'maxmemory-policy', 'noeviction');
    await operator.config('SET', 'maxmemory', '1');
    await expect(operator.set('key', 'value')).rejects.toThrow(/OOM/);
    const b = track(await Instance.boot({ redis: redis.url, eventKeys: ownKey() }, a.log));
    await b.awaitStatus('ready');
    expect(await client.request('join', ['another'])).toBe(1);
    await reaches(a, 'another', client);
    // Leases need some: `test/faults-cluster/leases-refused.spec.ts`. The one that booted meanwhile
    // says what does not work so.
    const others = a.complaints.filter((line) => !/lease: OOM/.test(line));
    expect(others).toEqual([
      expect.stringMatching(/^error: .*OOM .*instances do not know of each other.*maxmemory/),
    ]);
  });

  it('is a replica now, read-only: broadcasts write nothing', async () => {
    const { redis, eventKeys, a, client } = await boot();
    const b = track(await Instance.boot({ redis: redis.url, eventKeys }, a.log));
    await b.awaitStatus('ready');
    const operator = redis.client();
    await operator.call('REPLICAOF', '127.0.0.1', '1');
    await expect(operator.set('key', 'value')).rejects.toThrow(/READONLY/);
    await reaches(b, 'room', client);
    expect(a.complaints.filter((line) => !/lease: READONLY/.test(line))).toEqual([]);
  });

  it('is a replica for a while: who only listens makes its connections anew, and is in the roll again', async () => {
    const redis = track(await RedisServer.start());
    const eventKeys = ownKey();
    const a = track(
      await Instance.boot({
        redis: redis.url,
        eventKeys,
        lease: { ttlMs: 1_000, renewEveryMs: 300 },
      }),
    );
    await a.awaitStatus('ready');
    const operator = redis.client();
    const ids = async () => ((await operator.client('LIST')) as string).match(/^id=\d+/gm)!;
    const before = await ids();
    await operator.call('REPLICAOF', '127.0.0.1', '1');
    await a.awaitStatus('degraded');
    await waitFor('other connections', async () => {
      const now = await ids();
      return now.length === 3 && now.filter((id) => before.includes(id)).length === 1;
    });
    await waitFor('the reason', () => a.complaints.some((line) => line.includes('is a replica')));
    await operator.call('REPLICAOF', 'NO', 'ONE');
    await a.awaitStatus('ready');
    const b = track(await Instance.boot({ redis: redis.url, eventKeys }, a.log));
    await waitFor('both', async () => (await b.backplane.instances()).length === 2);
  }, 30_000);

  it('loads its data', async () => {
    // 150 keys at 20 ms each.
    const redis = track(
      await RedisServer.start({
        args: ['--key-load-delay', '20000', '--loading-process-events-interval-bytes', '1024'],
      }),
    );
    const operator = redis.client();
    for (let i = 0; i < 150; i++) await operator.set(`key ${i}`, 'x'.repeat(200));
    const a = track(await Instance.boot({ redis: redis.url, eventKeys: ownKey() }));
    await a.awaitStatus('ready');
    const client = track(await a.connect('room'));
    await operator.save();
    const restarted = redis.restart();
    await a.awaitStatus('degraded');
    const onlooker = redis.client({ enableReadyCheck: false });
    const meanwhile = new Set<string>();
    await waitFor(
      'the end of loading',
      async () => {
        const { status } = a.backplane;
        const loading = (await onlooker.info('persistence')).includes('loading:1');
        if (loading) meanwhile.add(status);
        return meanwhile.size > 0 && !loading;
      },
      15_000,
    );
    expect([...meanwhile]).toEqual(['degraded']);
    await restarted;
    await a.awaitStatus('ready');
    await reaches(a, 'room', client);
    expect(a.complaints).toHaveLength(1);
    expect(a.returns).toHaveLength(1);
  }, 30_000);
});
