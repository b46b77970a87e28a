import { expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { BackplaneConfigError, type RedisBackplaneOptions } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { freePort } from '../support/free-port.js';
import { killWhenOrphaned } from '../support/kill-when-orphaned.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, findRedisServer, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches } from './fixtures/instance.js';

const HISTORY: RedisBackplaneOptions['history'] = [{ rooms: 'h:*', size: 100, ttlMs: 60_000 }];

describeWithRedis('An address that leads to a server which is not for all', () => {
  guardProcess();
  const track = closeAfterEach();

  const replicaOf = async ({ port }: RedisServer, ...args: string[]) => {
    const replica = track(
      await RedisServer.start({
        args: ['--replicaof', `127.0.0.1 ${port}`, '--repl-diskless-sync-delay', '0', ...args],
      }),
    );
    await waitFor(
      'the replica to be level with its master',
      async () => /master_link_status:up/.test(String(await replica.cli('info', 'replication'))),
      20_000,
    );
    return replica;
  };
  const boot = async (
    redis: RedisBackplaneOptions['redis'],
    eventKeys = ownKey(),
    log = new LogCapture(),
  ) => track(await Instance.boot({ redis, eventKeys, history: HISTORY }, log));
  const isReplica = (a: Instance) =>
    a.complaints.filter((line) => /the server is a replica/.test(line));

  it('a replica: two instances at two of them are not ready, and say why; promoted, one is by itself', async () => {
    const master = track(await RedisServer.start());
    const [one, two] = [await replicaOf(master), await replicaOf(master)];
    const eventKeys = ownKey();
    const a = await boot(one.url, eventKeys);
    const b = await boot(two.url, eventKeys);
    expect([a, b].map(({ backplane }) => backplane.status)).toEqual(['degraded', 'degraded']);
    for (const instance of [a, b]) expect(isReplica(instance)).toHaveLength(1);
    // Each serves its own.
    const client = track(await a.connect('room'));
    a.server.to('room').emit('alone');
    await client.nextEvent('alone');
    await expect(a.server.to('h:room').publish('said', 1)).rejects.toThrow(/away|replica/);

    await one.cli('replicaof', 'no', 'one');
    await a.awaitStatus('ready');
    await reaches(a, 'room', client);
    await two.cli('replicaof', '127.0.0.1', String(one.port));
    expect(b.backplane.status).toBe('degraded');
    expect(b.statuses()).not.toContain('ready');
  }, 60_000);

  it('a replica, and soon the master: connections are made anew until they lead there', async () => {
    const master = track(await RedisServer.start());
    const replica = await replicaOf(master);
    // As a name that is resolved anew.
    const proxy = track(await TcpProxy.start(replica.port));
    const a = await boot(`redis://127.0.0.1:${proxy.port}`);
    expect(a.backplane.status).toBe('degraded');
    proxy.switchTo(master.port);
    await a.awaitStatus('ready', 20_000);
    const client = track(await a.connect('room'));
    await reaches(a, 'room', client);
    expect(isReplica(a)).toHaveLength(1);
  }, 60_000);

  it.each([
    ['INFO', ['-info']],
    ['INFO and ROLE', ['-info', '-role']],
    ['all that administrates', ['-@dangerous', '-@admin']],
  ])(
    'a replica, whose user may not ask %s',
    async (_, taken) => {
      const master = track(await RedisServer.start());
      const replica = await replicaOf(master);
      for (const server of [master, replica])
        await server.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', '~*', '&*', ...taken);
      const as = ({ host, port }: RedisServer) => ({
        host,
        port,
        username: 'app',
        password: 'secret',
        enableReadyCheck: false,
      });
      const eventKeys = ownKey();
      const a = await boot(as(replica), eventKeys);
      expect(a.backplane.status).toBe('degraded');
      expect(isReplica(a)).toHaveLength(1);
      const b = await boot(as(master), eventKeys);
      expect(b.backplane.status).toBe('ready');
      await replica.cli('replicaof', 'no', 'one');
      await a.awaitStatus('ready');
    },
    60_000,
  );

  it("a replica, over a client of the app's: it is looked at again, and not closed", async () => {
    const master = track(await RedisServer.start());
    const replica = await replicaOf(master);
    const own = replica.client();
    await waitFor('the client', () => own.status === 'ready');
    const a = await boot(own);
    expect(a.backplane.status).toBe('degraded');
    let closed = 0;
    own.on('close', () => closed++);
    await replica.cli('replicaof', 'no', 'one');
    await a.awaitStatus('ready');
    expect(closed).toBe(0);
  }, 60_000);

  it('a replica that takes writes', async () => {
    const master = track(await RedisServer.start());
    const replica = await replicaOf(master, '--replica-read-only', 'no');
    const a = await boot(replica.url);
    expect(a.backplane.status).toBe('degraded');
    expect(isReplica(a)).toHaveLength(1);
  }, 60_000);

  const clusterNode = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backplane-cluster-'));
    track({ dispose: () => rm(folder, { recursive: true, force: true }) });
    const args = ['--cluster-enabled', 'yes', '--cluster-config-file', join(folder, 'nodes.conf')];
    return track(await RedisServer.start({ args: [...args, '--cluster-node-timeout', '2000'] }));
  };
  const isWell = (node: RedisServer) =>
    waitFor(
      'the cluster to be well',
      async () => String(await node.cli('cluster', 'info')).includes('cluster_state:ok'),
      20_000,
    );
  const cluster = async () => {
    const [one, two] = [await clusterNode(), await clusterNode()];
    await one.cli('cluster', 'addslotsrange', '0', '8191');
    await two.cli('cluster', 'addslotsrange', '8192', '16383');
    await one.cli('cluster', 'meet', '127.0.0.1', String(two.port));
    await isWell(one);
    await isWell(two);
    return [one, two] as const;
  };
  const refuses = async (
    redis: RedisBackplaneOptions['redis'],
    eventKeys: string[],
    words: RegExp,
  ) => {
    const booting = Instance.boot({ redis, eventKeys, history: HISTORY }, new LogCapture());
    const error = await booting.then(track, (thrown: Error) => thrown);
    expect(error).toBeInstanceOf(BackplaneConfigError);
    expect((error as Error).message).toMatch(words);
  };

  it('a node of a Cluster: the boot fails, whichever node has the slots, whatever may be asked', async () => {
    const nodes = await cluster();
    const NAMED = /one node of a Redis Cluster with several masters.*not support yet/;
    for (const node of nodes) {
      await refuses(node.url, ['k1'], NAMED);
      await node.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', '~*', '&*');
      const as = { host: node.host, port: node.port, username: 'app', password: 'secret' };
      await node.cli('ACL', 'SETUSER', 'app', '-info');
      await refuses({ ...as, enableReadyCheck: false }, ['k1'], NAMED);
    }
    // The slot of k1 is at the second: only MOVED tells.
    const [one] = nodes;
    await one.cli('ACL', 'SETUSER', 'app', '-info', '-role', '-cluster');
    const as = { host: one.host, port: one.port, username: 'app', password: 'secret' };
    await refuses({ ...as, enableReadyCheck: false }, ['k1'], NAMED);
  }, 60_000);

  it('a server in cluster mode with one master works, and is warned of', async () => {
    const node = await clusterNode();
    await node.cli('cluster', 'addslotsrange', '0', '16383');
    await isWell(node);
    const a = await boot(node.url);
    expect(a.backplane.status).toBe('ready');
    expect(a.complaints).toEqual([
      expect.stringMatching(/^warn: .*in cluster mode, with one master/),
    ]);
    await expect(a.server.to('h:room').publish('said', 1)).resolves.toMatchObject({ offset: 1 });
  }, 60_000);

  it('a server in cluster mode that serves no slots: what does not work is named', async () => {
    const node = await clusterNode();
    const a = await boot(node.url);
    // Besides it, the refused lease has a line of its own, before or after.
    await waitFor('both lines', () => a.complaints.length === 2);
    expect(a.complaints.toSorted((x, y) => x.localeCompare(y))).toEqual([
      expect.stringMatching(/^error: .*CLUSTERDOWN .*no message enters.*serves no slots/),
      expect.stringMatching(/^warn: .*lease: CLUSTERDOWN/),
    ]);
    const client = track(await a.connect('room'));
    await reaches(a, 'room', client);
  }, 60_000);

  it('a node of a Cluster that is there only after the boot: not ready, and named', async () => {
    const [node] = await cluster();
    const proxy = track(await TcpProxy.start(node.port));
    proxy.refuse();
    const a = await boot(`redis://127.0.0.1:${proxy.port}`);
    expect(a.backplane.status).toBe('degraded');
    await proxy.acceptAgain();
    await waitFor('the reason', () =>
      a.complaints.some((line) => /one node of a Redis Cluster/.test(line)),
    );
    expect(a.statuses()).toEqual(['degraded']);
  }, 60_000);

  it('a Sentinel: the boot fails, and says what to write', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backplane-sentinel-'));
    const port = await freePort();
    const config = join(folder, 'sentinel.conf');
    await writeFile(config, `port ${port}\nbind 127.0.0.1\ndir ${folder}\n`);
    const sentinel = spawn(findRedisServer()!, [config, '--sentinel'], { stdio: 'ignore' });
    killWhenOrphaned(sentinel.pid!);
    const url = `redis://127.0.0.1:${port}`;
    try {
      const client = new Redis(url, { maxRetriesPerRequest: null });
      client.on('error', () => {});
      await client.ping();
      client.disconnect();
      await refuses(url, ownKey(), /leads to a Sentinel.*\{ sentinels: /);
    } finally {
      const exited = new Promise((resolve) => sentinel.once('exit', resolve));
      sentinel.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
