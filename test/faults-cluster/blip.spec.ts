import { expect, it } from '@jest/globals';
import { Instance, ownKey } from '../faults/fixtures/instance.js';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

const LONG_MS = 20_000;
/** Longer than the machine may need to make connections again. */
const COMMAND_TIMEOUT_MS = 8_000;

describeWithRedis('A short loss of the link', () => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async (commandTimeoutMs = COMMAND_TIMEOUT_MS) => {
    const redis = track(await RedisServer.start());
    const proxies = [
      track(await TcpProxy.start(redis.port)),
      track(await TcpProxy.start(redis.port)),
    ];
    const eventKeys = ownKey();
    const [a, b] = (await Promise.all(
      proxies.map(async ({ port }) => {
        const options = { redis: `redis://127.0.0.1:${port}`, eventKeys, commandTimeoutMs };
        return track(await Instance.boot(options as never));
      }),
    )) as [Instance, Instance];
    await Promise.all([a.backplane.ready(), b.backplane.ready()]);
    track(await a.connect());
    const client = track(await b.connect());
    expect(await a.server.count()).toBe(2);
    return { a, b, client, ofA: proxies[0]!, ofB: proxies[1]! };
  };
  type Booted = Awaited<ReturnType<typeof boot>>;

  const begin = ({ a: { server }, b }: Booted) => {
    const all = server.timeout(LONG_MS);
    const far = [...b.server.clients][0]!.id;
    return {
      count: all.count(),
      fetchSockets: all.fetchSockets(),
      join: all.socketsJoin('r'),
      leave: all.socketsLeave('q'),
      acks: all.toConnection(far).emitWithAck('q'),
      servers: server.serverSideRequest('once', undefined, { timeoutMs: LONG_MS }),
      one: all.toConnection(far).fetchSockets(),
    };
  };

  const expectWhole = async (begun: ReturnType<typeof begin>, b: Instance) => {
    expect(await begun.count).toBe(2);
    for (const fetched of [await begun.fetchSockets, await begun.one])
      expect(fetched.missing).toEqual([]);
    expect((await begun.fetchSockets).length).toBe(2);
    expect(await begun.join).toMatchObject({ connections: 2, missing: [] });
    expect(await begun.leave).toMatchObject({ connections: 2, missing: [] });
    expect(await begun.acks).toMatchObject({ answers: [{ data: 'here' }], missing: [] });
    const answers = [{ instanceId: b.backplane.instanceId, data: 1 }];
    expect(await begun.servers).toMatchObject({ answers, missing: [] });
  };

  /** The client of B answers each question; B's handler of a server event counts its calls. */
  const answering = ({ b, client }: Booted) => {
    let calls = 0;
    let questions = 0;
    b.server.onServerEvent('once', () => ++calls);
    void (async () => {
      for (;;) {
        const { id } = (await client.take('q', (f) => (f as any).event === 'q')) as any;
        questions++;
        client.send(JSON.stringify({ id, data: 'here' }));
      }
    })().catch(() => {});
    return { calls: () => calls, questions: () => questions };
  };

  it.each(['ofA', 'ofB', 'both'] as const)(
    '%s, while it is asked: all is answered when it is back, and done once',
    async (whose) => {
      const booted = await boot();
      const { a, b, ofA, ofB } = booted;
      const seen = answering(booted);
      await b.backplane.ready();
      const cut = whose === 'both' ? [ofA, ofB] : [booted[whose]];
      // What is asked is lost in the network, or its answer is.
      for (const proxy of cut) proxy.stall();
      const begun = begin(booted);
      await waitFor('all to be asked', () => a.backplane.stats().openRequests === 7);
      for (const proxy of cut) {
        proxy.refuse();
        proxy.cut();
        proxy.flow();
      }
      const lost = [a, b].filter((_, i) => whose === 'both' || (whose === 'ofA') === (i === 0));
      await Promise.all(lost.map((instance) => instance.awaitStatus('degraded')));
      for (const proxy of cut) await proxy.acceptAgain();
      await expectWhole(begun, b);
      expect([seen.calls(), seen.questions()]).toEqual([1, 1]);
      expect(a.backplane.stats().openRequests).toBe(0);
    },
    60_000,
  );

  it('that of one who is asked, before it is asked: it is asked when it is back', async () => {
    const booted = await boot();
    const { a, b, ofB } = booted;
    const seen = answering(booted);
    await b.backplane.ready();
    ofB.refuse();
    ofB.cut();
    await b.awaitStatus('degraded');
    const begun = begin(booted);
    await waitFor('all to be asked', () => a.backplane.stats().openRequests === 7);
    await ofB.acceptAgain();
    await expectWhole(begun, b);
    expect([seen.calls(), seen.questions()]).toEqual([1, 1]);
  }, 60_000);

  it('that is not short: who is asked is named', async () => {
    const booted = await boot(500);
    const { a, b, ofA, ofB } = booted;
    const { instanceId } = b.backplane;
    ofB.refuse();
    ofB.cut();
    await b.awaitStatus('degraded');
    const { missing } = await a.server.timeout(700).countByInstance();
    expect(missing).toEqual([{ instanceId, reason: 'REQUEST_TIMEOUT' }]);
    const open = a.server.timeout(LONG_MS).countByInstance();
    await waitFor('it to be asked', () => a.backplane.stats().openRequests === 1);
    ofA.refuse();
    ofA.cut();
    expect(await open).toMatchObject({
      total: 1,
      missing: [{ instanceId, reason: 'BACKPLANE_UNAVAILABLE' }],
    });
  }, 60_000);
});
