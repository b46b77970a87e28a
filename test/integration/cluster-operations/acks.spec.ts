import { expect, it } from '@jest/globals';
import type { BackplaneSocket } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../../support/cleanup.js';
import { guardProcess } from '../../support/process-guard.js';
import { waitFor } from '../../support/wait-for.js';
import { describeOnEach, describeOnRedis } from '../fixtures/backends.js';
import { Cluster } from '../fixtures/cluster.js';
import type { Peer } from '../fixtures/instance.js';
import { Crowd, mute } from './fixtures/crowd.js';
import { report } from './fixtures/traffic.js';

interface PeerRequest {
  event: string;
  data?: unknown;
  id: unknown;
}

/** The next question to the client. */
const question = async ({ ws }: Peer): Promise<PeerRequest> =>
  (await ws.take('a question', (frame) => {
    const { event, id } = frame as Partial<PeerRequest>;
    return event !== undefined && id !== undefined;
  })) as PeerRequest;

const say = ({ ws }: Peer, frame: object): void => ws.send(JSON.stringify(frame));

describeOnEach('Asking clients', (backend) => {
  guardProcess();
  const track = closeAfterEach();
  const two = async () => {
    const cluster = track(await Cluster.boot(backend, 2));
    const [a, b] = cluster.instances;
    return { a: a!, b: b!, near: track(await a!.connect()), far: track(await b!.connect()) };
  };

  it('request resolves with the answer of the client, whatever it is', async () => {
    const { a, near } = await two();
    const [socket] = [...a.server.clients] as [BackplaneSocket];
    for (const data of ['yes', 0, false, null, { deep: [1] }]) {
      const asked = socket.request('q', { n: 1 });
      const { event, data: sent, id } = await question(near);
      expect({ event, sent, id: typeof id }).toEqual({
        event: 'q',
        sent: { n: 1 },
        id: 'number',
      });
      say(near, { id, data });
      expect(await asked).toEqual(data);
    }
    const empty = socket.request('q');
    say(near, { id: (await question(near)).id });
    expect(await empty).toBeNull();
  });

  it('request rejects with the error of the client, at its end at once, and at the deadline', async () => {
    const { a, near } = await two();
    const [socket] = [...a.server.clients] as [BackplaneSocket];
    const refused = socket.request('q');
    say(near, { id: (await question(near)).id, error: { message: 'no' } });
    await expect(refused).rejects.toMatchObject({
      code: 'CLIENT_ANSWER',
      error: { message: 'no' },
    });
    await expect(socket.request('q', 1, { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
    });
    const late = await question(near);
    say(near, { id: late.id, data: 'too late' });
    await waitFor('the stray answer', () => a.backplane.stats().strayAnswers === 1);
    const left = socket.request('q', 1, { timeoutMs: 60_000 });
    await question(near);
    await near.ws.terminate();
    await expect(left).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await expect(socket.request('q')).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await expect(socket.request('$q')).rejects.toThrow(TypeError);
    await expect(socket.request('q', 1n)).rejects.toThrow(TypeError);
    await expect(socket.request('q', 1, { timeoutMs: -1 })).rejects.toThrow(TypeError);
  });

  it('toConnection().emitWithAck asks a client of any instance: its answer, its error, its end', async () => {
    const { a, far } = await two();
    const one = a.backplane.hub('/chat').toConnection(far.id).timeout(60_000);
    const answered = one.emitWithAck('q', 'x');
    say(far, { id: (await question(far)).id, data: 'y' });
    expect(await answered).toEqual({
      answers: [{ connectionId: far.id, data: 'y' }],
      missing: [],
    });
    const refused = one.emitWithAck('q');
    say(far, { id: (await question(far)).id, error: 'no' });
    expect(await refused).toEqual({
      answers: [{ connectionId: far.id, error: 'no' }],
      missing: [],
    });
    const left = one.emitWithAck('q');
    await question(far);
    await far.ws.close();
    const missing = (reason: string) => ({
      answers: [],
      missing: [{ connectionId: far.id, reason }],
    });
    expect(await left).toEqual(missing('CONNECTION_CLOSED'));
    expect(await one.emitWithAck('q')).toEqual(missing('NO_SUCH_CONNECTION'));
  });

  it('a connection that nobody has is named at once, in every operation', async () => {
    const { a, far } = await two();
    const unknownConnections = ['nonsense', `${a.backplane.instanceId}.zzz`, 'AAAAAAAAAAAAAAAA.1'];
    const audience = a.server.toConnection(unknownConnections).timeout(60_000);
    const missing = unknownConnections.map((connectionId) => ({
      connectionId,
      reason: 'NO_SUCH_CONNECTION',
    }));
    const sorted = (result: { missing: readonly { connectionId?: string }[] }) =>
      result.missing.toSorted(
        (x, y) =>
          unknownConnections.indexOf(x.connectionId!) - unknownConnections.indexOf(y.connectionId!),
      );
    expect(sorted(await audience.emitWithAck('q'))).toEqual(missing);
    expect(sorted(await audience.fetchSockets())).toEqual(missing);
    expect(sorted(await audience.socketsJoin('r'))).toEqual(missing);
    expect(sorted(await audience.disconnectSockets())).toEqual(missing);
    expect(await audience.count()).toBe(0);
    const both = await audience.toConnection(far.id).socketsJoin('r');
    expect({ ...both, missing: sorted(both) }).toEqual({ connections: 1, missing });
  });

  it('two instances ask one client at a time, and one of them twice: each gets its own answer', async () => {
    const { a, b, far } = await two();
    const ask = (from: typeof a, n: number) =>
      from.backplane.hub('/chat').toConnection(far.id).emitWithAck('q', n);
    const asked = [ask(a, 1), ask(b, 2), ask(a, 3), far.socket.request('q', 4)];
    const questions = [];
    while (questions.length < 4) questions.push(await question(far));
    expect(new Set(questions.map(({ id }) => id)).size).toBe(4);
    for (const { id, data } of questions.toReversed()) say(far, { id, data: `to ${String(data)}` });
    const answers = await Promise.all(asked.slice(0, 3));
    expect(answers.map((result) => (result as any).answers[0].data)).toEqual([
      'to 1',
      'to 2',
      'to 3',
    ]);
    expect(await asked[3]).toBe('to 4');
  });

  it('an answer of another client than the one asked is ignored and counted', async () => {
    const { a, b, near, far } = await two();
    const asked = a.server.toConnection(far.id).emitWithAck('q');
    const { id } = await question(far);
    say(near, { id, data: 'forged' });
    await waitFor('the forgery', () => a.backplane.stats().strayAnswers === 1);
    say(far, { id, data: 'true' });
    say(far, { id, data: 'again' });
    expect((await asked).answers).toEqual([{ connectionId: far.id, data: 'true' }]);
    await waitFor('the second', () => b.backplane.stats().strayAnswers === 1);
  });

  it('RemoteSocket asks, moves and ends a client of another instance', async () => {
    const { a, b, far } = await two();
    const [socket] = await a.server.toConnection(far.id).fetchSockets();
    const asked = socket!.request('q', 1);
    say(far, { id: (await question(far)).id, data: 2 });
    expect(await asked).toBe(2);
    socket!.emit('hello', 'there');
    expect(await far.ws.nextEvent('hello')).toBe('there');
    await socket!.join('r', ['s']);
    expect([...far.socket.rooms]).toEqual(['r', 's']);
    await socket!.leave('r');
    expect([...far.socket.rooms]).toEqual(['s']);
    await socket!.disconnect(4001, 'bye');
    expect(await far.ws.awaitClose()).toEqual({ code: 4001, reason: 'bye' });
    await waitFor('it to be gone', () => b.server.clients.size === 0);
    await expect(socket!.join('r')).rejects.toMatchObject({ code: 'NO_SUCH_CONNECTION' });
    await expect(socket!.request('q')).rejects.toMatchObject({ code: 'NO_SUCH_CONNECTION' });
    await expect(socket!.disconnect(99)).rejects.toThrow(TypeError);
  });
});

describeOnRedis('A question to 5,000 clients', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  it('of which three never answer and two leave: 4,995 answers, five named, at the deadline', async () => {
    const cluster = track(
      await Cluster.boot(redis, 5, { backplane: { heartbeat: false } as never }),
    );
    const urls = cluster.instances.map(({ booted, server }) => booted.url(server.path));
    const crowd = track(await Crowd.connect(urls, 5_000));
    for (const client of crowd.clients.slice(0, 3)) client.manner = mute;
    for (const client of crowd.clients.slice(3, 5))
      client.manner = ({ socket }) => socket.terminate();
    const timeoutMs = 8_000;
    const begun = performance.now();
    const asked = cluster.first.backplane.hub('/chat').timeout(timeoutMs).emitWithAck('poll', 1);
    const { answers, missing } = await asked;
    const took = performance.now() - begun;
    report(
      `5,000 asked: ${answers.length} answers, ${missing.length} named, ${took.toFixed(0)} ms`,
    );
    expect(answers).toHaveLength(4_995);
    expect(missing.map(({ reason }) => reason).sort()).toEqual([
      'CONNECTION_CLOSED',
      'CONNECTION_CLOSED',
      'REQUEST_TIMEOUT',
      'REQUEST_TIMEOUT',
      'REQUEST_TIMEOUT',
    ]);
    const named = new Set([...answers, ...missing].map(({ connectionId }) => connectionId));
    expect(named.size).toBe(5_000);
    expect(took).toBeGreaterThan(timeoutMs - 50);
    // The machine may be busy with 5,000 clients: they are behind the deadline in one process with
    // it.
    expect(took).toBeLessThan(2 * timeoutMs);
    // Nothing is kept: an answer now is one that nobody waits for.
    expect(cluster.first.backplane.stats().openRequests).toBe(0);
    await waitFor('all instances to forget', () =>
      cluster.instances.every(({ backplane }) => backplane.stats().openQuestions === 0),
    );
    const strays = () =>
      cluster.instances.reduce((sum, { backplane }) => sum + backplane.stats().strayAnswers, 0);
    for (const client of crowd.clients.slice(0, 3)) client.send({ id: client.questions[0]!.id });
    await waitFor('the late answers', () => strays() === 3);
  });
});
