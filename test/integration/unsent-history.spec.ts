import { expect, it } from '@jest/globals';
import {
  type BackplaneServer,
  type ContinuityLoss,
  type OnContinuityLost,
} from 'nestjs-redis-backplane';
import { WebSocketGateway } from '@nestjs/websockets';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { waitFor } from '../support/wait-for.js';
import { describeOnEach, describeOnRedis } from './fixtures/backends.js';
import { Cluster } from './fixtures/cluster.js';
import { Roomy } from './fixtures/room.gateway.js';

@WebSocketGateway({ path: '/chat' })
class Gateway extends Roomy implements OnContinuityLost {
  readonly losses: ContinuityLoss[] = [];

  onContinuityLost(...[, , , loss]: Parameters<OnContinuityLost['onContinuityLost']>): void {
    this.losses.push(loss);
  }
}

const OPTIONS = {
  gateways: [Gateway],
  backplane: { history: [{ rooms: '*', size: 3, ttlMs: 60_000 }] },
};

const publish = async (server: BackplaneServer, room: string, ...texts: string[]) => {
  for (const text of texts) await server.to(room).publish('said', text);
};

describeOnEach('A room to which nothing was sent', (backend) => {
  guardProcess();
  const track = closeAfterEach();

  it('has a place that later messages are read from, whoever read it, with a member and without', async () => {
    const { first, last } = track(await Cluster.boot(backend, 2, OPTIONS));
    const before = await first.server.history('room');
    expect(before).toMatchObject({ offset: 0, entries: [], complete: true, more: false });
    expect(await last.server.history('room', { since: before })).toMatchObject({ complete: true });
    track(await last.connect({ rooms: ['room'] }));
    const followed = await first.server.history('room', { since: before });
    expect(followed).toMatchObject({ offset: 0, entries: [], complete: true });
    await publish(last.server, 'room', 'a', 'b');
    for (const since of [before, followed]) {
      const { complete, entries } = await first.server.history('room', { since });
      expect([complete, entries.map(({ data }) => data)]).toEqual([true, ['a', 'b']]);
    }
    await publish(first.server, 'room', 'c', 'd');
    for (const since of [before, followed]) {
      const { complete, entries } = await first.server.history('room', { since });
      expect([complete, entries.map(({ data }) => data)]).toEqual([false, ['b', 'c', 'd']]);
    }
  });
});

describeOnRedis('A room to which nothing was sent, in Redis,', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  const boot = async () => {
    const cluster = track(await Cluster.boot(redis, 2, OPTIONS));
    const top = `top:{${cluster.where.eventKeys[0]!}}:room:/chat:room`;
    return { first: cluster.first, last: cluster.last, top };
  };
  const keys = () => redis.server.cli('dbsize');

  it('takes no key when its history is read, however many are read', async () => {
    const { first } = await boot();
    const before = await keys();
    for (let i = 0; i < 50; i++) {
      await first.server.history(`room ${i}`);
      await first.server.history(`room ${i}`, { reverse: true, since: 5 });
    }
    expect(await keys()).toBe(before);
  });

  it('takes one for some minutes while it has a member, and keeps it while it has', async () => {
    const { first, last, top } = await boot();
    const { socket } = track(await first.connect({ rooms: ['room'] }));
    const life = async () => Number(await redis.server.cli('pttl', top));
    expect(await life()).toBeGreaterThan(200_000);
    expect(await life()).toBeLessThanOrEqual(300_000);
    await redis.server.cli('pexpire', top, '100000');
    // The first look at what is quiet comes after a second.
    await waitFor('the renewal', async () => (await life()) > 200_000);
    await last.server.history('room');
    await publish(last.server, 'room', 'a');
    expect(await life()).toBeGreaterThan(12 * 60 * 60 * 1_000);
    await socket.leave('room');
  });

  it('loses nothing with its epoch: members get what comes then, and nobody is told of a loss', async () => {
    const { first, last, top } = await boot();
    const { ws } = track(await first.connect({ rooms: ['room'] }));
    const since = await first.server.history('room');
    await redis.server.cli('del', top);
    await publish(last.server, 'room', 'a', 'b');
    expect([await ws.nextEvent('said'), await ws.nextEvent('said')]).toEqual(['a', 'b']);
    expect(await last.server.history('room', { since })).toMatchObject({ complete: true });
    for (const { booted } of [first, last]) expect(booted.app.get(Gateway).losses).toEqual([]);
  });

  it('is told of a loss with the data of Redis, for nobody knows what was sent', async () => {
    const { first, last } = await boot();
    const { ws } = track(await first.connect({ rooms: ['room'] }));
    const since = await first.server.history('room');
    await redis.server.cli('flushall');
    await publish(last.server, 'room', 'a');
    expect(await ws.nextEvent('said')).toBe('a');
    expect(await last.server.history('room', { since })).toMatchObject({ complete: false });
    expect(first.booted.app.get(Gateway).losses).toMatchObject([{ reason: 'new-epoch' }]);
  });
});
