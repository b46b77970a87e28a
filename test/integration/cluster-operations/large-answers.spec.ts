import { expect, it } from '@jest/globals';
import { Backplane, type BackplaneServer } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../../support/cleanup.js';
import { guardProcess } from '../../support/process-guard.js';
import { waitFor } from '../../support/wait-for.js';
import { describeOnRedis } from '../fixtures/backends.js';
import { Cluster } from '../fixtures/cluster.js';
import { Crowd, type Manner } from './fixtures/crowd.js';
import { report } from './fixtures/traffic.js';

const MIB = 1024 * 1024;
/** With its frame, it is just below the largest that a client may send. */
const LARGE = 'x'.repeat(1_000_000);
const answerLarge: Manner = (client, { id }) => client.send({ id, data: LARGE });
const LONG_MS = 50_000;

describeOnRedis('Large answers', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  /** Redis holds far less for a subscriber than by default. */
  const boot = async (instances: number, clients: number) => {
    await redis.server.cli('config', 'set', 'client-output-buffer-limit', 'pubsub 4mb 2mb 5');
    const cluster = track(await Cluster.boot(redis, instances));
    const urls = cluster.instances.map(({ booted, server }) => booted.url(server.path));
    const crowd = track(await Crowd.connect(urls, clients));
    for (const client of crowd.clients) client.manner = answerLarge;
    return { cluster, crowd, before: await subscribers() };
  };

  /** The connections that subscribe: another id is another connection. */
  const subscribers = async (): Promise<string[]> => {
    const list = String(await redis.server.cli('client', 'list', 'type', 'pubsub'));
    return [...list.matchAll(/^id=(\d+)/gm)].map(([, id]) => id!).sort();
  };

  /** Emits to the asker's client until it is stopped, and tells how many got there. */
  const traffic = (from: BackplaneServer, crowd: Crowd) => {
    let sent = 0;
    let seen = 0;
    crowd.clients[0]!.socket.on('message', (bytes: Buffer) => {
      if (bytes.toString().startsWith('{"event":"tick"')) seen++;
    });
    const timer = setInterval(() => from.emit('tick', ++sent), 20);
    return async () => {
      clearInterval(timer);
      await waitFor('all ticks', () => seen === sent, 20_000);
      return sent;
    };
  };

  it('of 40 clients arrive whole; the link stands, and nothing else is lost', async () => {
    const { cluster, crowd, before } = await boot(4, 40);
    const [asker, other] = cluster.instances as [
      (typeof cluster)['first'],
      (typeof cluster)['first'],
    ];
    const statuses: string[] = [];
    asker.backplane.on('status', (status) => statuses.push(status));
    const stop = traffic(other.server, crowd);
    const begun = performance.now();
    const { answers, missing } = await asker.server.timeout(LONG_MS).emitWithAck('q');
    report(`40 answers of 1 MB: ${(performance.now() - begun).toFixed(0)} ms`);
    expect(missing).toEqual([]);
    expect(answers).toHaveLength(40);
    for (const { data } of answers) expect((data as string).length).toBe(LARGE.length);
    expect(await stop()).toBeGreaterThan(0);
    expect([statuses, await subscribers()]).toEqual([[], before]);
  });

  it('of 100 clients are more than may come together: the others are named, and the link stands', async () => {
    const { cluster, crowd, before } = await boot(4, 100);
    const asker = cluster.first;
    const stop = traffic(cluster.last.server, crowd);
    const { answers, missing } = await asker.server.timeout(LONG_MS).emitWithAck('q');
    report(`100 answers of 1 MB: ${answers.length} came, ${missing.length} are named`);
    const bytes = answers.length * LARGE.length;
    expect(bytes).toBeLessThan(64 * MIB);
    expect(bytes).toBeGreaterThan(48 * MIB);
    // On a busy machine, an instance may lose its lease over it.
    for (const { reason } of missing)
      expect(['ANSWER_TOO_LARGE', 'INSTANCE_LOST']).toContain(reason);
    const named = [...answers, ...missing].map(({ connectionId }) => connectionId);
    expect(new Set(named).size).toBe(100);
    await stop();
    expect([asker.backplane.status, await subscribers()]).toEqual(['ready', before]);
    // Nothing is kept.
    expect(asker.backplane.stats().openRequests).toBe(0);
    for (const client of crowd.clients) client.manner = (one, { id }) => one.send({ id, data: 1 });
    const again = await asker.server.emitWithAck('q');
    expect([again.answers.length, again.missing]).toEqual([100, []]);
  });

  it('of fetchSockets and serverSideRequest arrive whole, or are named', async () => {
    const { cluster, before } = await boot(3, 30);
    const [a, b, c] = cluster.instances.map(({ backplane }) => backplane) as [
      Backplane,
      Backplane,
      Backplane,
    ];
    for (const { server } of cluster.instances)
      for (const client of server.clients) client.data.large = LARGE;
    const sockets = await cluster.first.server.timeout(LONG_MS).fetchSockets();
    expect([sockets.length, sockets.missing]).toEqual([30, []]);
    for (const { data } of sockets) expect(data.large).toBe(LARGE);

    b.onServerEvent('dump', () => LARGE.repeat(30));
    c.onServerEvent('dump', () => LARGE.repeat(65));
    await b.ready();
    await c.ready();
    const { answers, missing } = await a.serverSideRequest('dump', undefined, {
      timeoutMs: LONG_MS,
    });
    expect(answers.map(({ data }) => (data as string).length)).toEqual([30_000_000]);
    expect(missing).toMatchObject([{ instanceId: c.instanceId, reason: 'ANSWER_TOO_LARGE' }]);
    expect(await subscribers()).toEqual(before);
  });
});
