import { describe, expect, it } from '@jest/globals';
import { Injectable, Scope } from '@nestjs/common';
import { type Backplane, createBackplane, OnServerEvent } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../../support/cleanup.js';
import { guardProcess } from '../../support/process-guard.js';
import { waitFor } from '../../support/wait-for.js';
import { describeOnEach, uniqueKey } from '../fixtures/backends.js';
import { Cluster } from '../fixtures/cluster.js';
import { Instance } from '../fixtures/instance.js';

interface Internal {
  'cache.clear': { key: string };
  fails: undefined;
}

@Injectable()
class Cache {
  readonly cleared: string[] = [];

  @OnServerEvent<Internal, 'cache.clear'>('cache.clear', { hub: '/chat' })
  clear({ key }: { key: string }, { instanceId }: { instanceId: string }): string {
    this.cleared.push(`${key} by ${instanceId}`);
    return `cleared ${key}`;
  }

  @OnServerEvent<Internal>('fails', { hub: '/chat' })
  async fails(): Promise<never> {
    throw new Error('on purpose');
  }

  @OnServerEvent('to-all-hubs')
  default(): string {
    return 'the hub /';
  }
}

describeOnEach('Server events', (backend) => {
  guardProcess();
  const track = closeAfterEach();
  const three = async () => {
    const { instances } = track(await Cluster.boot(backend, 3, { providers: [Cache] }));
    return instances as [Instance, Instance, Instance];
  };
  const cleared = (instance: Instance) => instance.booted.app.get(Cache).cleared;

  it('serverSideEmit reaches the handlers of the other instances, and not clients', async () => {
    const [a, b, c] = await three();
    const client = track(await b.connect());
    a.server.serverSideEmit('cache.clear', { key: 'k' });
    const expected = [`k by ${a.backplane.instanceId}`];
    await waitFor('both to hear', () => cleared(b).length + cleared(c).length === 2);
    expect([cleared(a), cleared(b), cleared(c)]).toEqual([[], expected, expected]);
    expect(await client.ws.settle((token) => b.server.emit('mark', token))).toEqual([]);
  });

  it('serverSideRequest brings what they return, and names who failed', async () => {
    const [a, b, c] = await three();
    const others = [b, c].map(({ backplane }) => backplane.instanceId).sort();
    const { answers, missing } = await a.server.serverSideRequest('cache.clear', { key: 'k' });
    expect(missing).toEqual([]);
    expect(answers.toSorted((x, y) => (x.instanceId < y.instanceId ? -1 : 1))).toEqual(
      others.map((instanceId) => ({ instanceId, data: 'cleared k' })),
    );
    const failed = await a.server.serverSideRequest('fails');
    expect(failed.answers).toEqual([]);
    expect(failed.missing.map((m) => `${m.reason}: ${m.message}`)).toEqual(
      Array(2).fill('HANDLER_FAILED: on purpose'),
    );
    const unheard = await a.server.serverSideRequest('nobody listens');
    expect(unheard.missing.map(({ instanceId }) => instanceId).sort()).toEqual(others);
    expect(unheard.missing.every(({ reason }) => reason === 'NO_HANDLER')).toBe(true);
    const slash = await a.backplane.serverSideRequest('to-all-hubs');
    expect(slash.answers.map(({ data }) => data)).toEqual(['the hub /', 'the hub /']);
  });

  it('onServerEvent listens until it is taken off, in a process without a gateway too', async () => {
    const where = backend.options();
    const boot = async () => {
      const backplane: Backplane = await createBackplane(where);
      track({ dispose: () => backplane.close() });
      return backplane;
    };
    const [a, b] = [await boot(), await boot()];
    const off = b.hub('/jobs').onServerEvent('work', (n) => Number(n) * 2);
    const offToo = b.hub('/jobs').onServerEvent('rest', () => 'resting');
    await b.ready();
    const { instanceId } = b;
    const ask = (event: string) => a.hub('/jobs').serverSideRequest(event, 21);
    expect(await ask('work')).toEqual({ answers: [{ instanceId, data: 42 }], missing: [] });
    off();
    off();
    expect(await ask('work')).toEqual({
      answers: [],
      missing: [{ instanceId, reason: 'NO_HANDLER' }],
    });
    expect((await ask('rest')).answers).toEqual([{ instanceId, data: 'resting' }]);
    offToo();
    await b.ready();
    expect(await ask('rest')).toEqual({ answers: [], missing: [] });
  });

  it('serverSideRequest finds a handler that was made just before it, and misses one that was taken off', async () => {
    const { instances } = track(await Cluster.boot(backend, 3));
    const [a, b, c] = instances as [Instance, Instance, Instance];
    const [answering, silent] = [b.backplane.instanceId, c.backplane.instanceId];
    const ask = () => a.server.serverSideRequest('late');
    for (let round = 0; round < 50; round++) {
      const off = b.server.onServerEvent('late', () => round);
      expect(await ask()).toEqual({
        answers: [{ instanceId: answering, data: round }],
        missing: [{ instanceId: silent, reason: 'NO_HANDLER' }],
      });
      off();
      const { answers, missing } = await ask();
      expect(answers).toEqual([]);
      const reasons = new Map(missing.map(({ instanceId, reason }) => [instanceId, reason]));
      expect(reasons).toEqual(
        new Map([
          [answering, 'NO_HANDLER'],
          [silent, 'NO_HANDLER'],
        ]),
      );
    }
  });

  it('a handler that does not come to an end is named at the deadline', async () => {
    const [a, b] = await three();
    b.server.onServerEvent('slow', () => new Promise(() => {}));
    const { answers, missing } = await a.server.serverSideRequest('slow', undefined, {
      timeoutMs: 200,
    });
    expect(answers).toEqual([]);
    expect(missing).toContainEqual({
      instanceId: b.backplane.instanceId,
      reason: 'REQUEST_TIMEOUT',
    });
  });

  it('what JSON cannot hold is refused at the call, or named as the failure of the handler', async () => {
    const [a, b, c] = await three();
    expect(() => a.server.serverSideEmit('e', 1n)).toThrow(TypeError);
    expect(() => a.server.serverSideEmit('$e')).toThrow(TypeError);
    await expect(a.server.serverSideRequest('e', 1n)).rejects.toThrow(TypeError);
    b.server.onServerEvent('big', () => 1n);
    c.server.onServerEvent('big', () => 1);
    const { answers, missing } = await a.server.serverSideRequest('big');
    expect(answers).toEqual([{ instanceId: c.backplane.instanceId, data: 1 }]);
    expect(missing).toMatchObject([
      { instanceId: b.backplane.instanceId, reason: 'HANDLER_FAILED' },
    ]);
  });
});

describe('@OnServerEvent()', () => {
  it('on a request-scoped provider fails the boot, and says why', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      @OnServerEvent('e')
      handle() {}
    }
    const booting = Instance.boot({
      backplane: { redis: 'memory', eventKeys: [uniqueKey()] },
      providers: [Scoped],
    });
    await expect(booting).rejects.toMatchObject({
      code: 'BACKPLANE_CONFIG',
      message: expect.stringContaining('Scoped.handle'),
    });
  });
});
