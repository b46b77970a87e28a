import { expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import type { Type } from '@nestjs/common';
import { createBackplane } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { freePort } from '../support/free-port.js';
import { guardProcess } from '../support/process-guard.js';
import { waitFor } from '../support/wait-for.js';
import { describeOnEach, describeOnRedis, uniqueKey } from './fixtures/backends.js';
import { arrivalsByLabel, Cluster } from './fixtures/cluster.js';
import { arrivals, Instance } from './fixtures/instance.js';
import { RoomGateway, Roomy } from './fixtures/room.gateway.js';

@WebSocketGateway({ path: '/admin' })
class AdminGateway extends Roomy {}

@WebSocketGateway()
class RootGateway extends Roomy {}

@WebSocketGateway({ path: '/chat' })
class SecondChatGateway {}

describeOnEach('Hubs', (backend) => {
  guardProcess();
  const track = closeAfterEach();

  it('do not hear each other, in rooms and users of the same name neither', async () => {
    const gateways = [RoomGateway, AdminGateway, RootGateway, SecondChatGateway as Type<Roomy>];
    const cluster = track(await Cluster.boot(backend, 2, { gateways }));
    const { first, last } = cluster;
    const hubs = { chat: RoomGateway, admin: AdminGateway, root: RootGateway };
    const peers = [];
    for (const [name, gateway] of Object.entries(hubs)) {
      for (const [i, instance] of cluster.instances.entries()) {
        const label = `${name}${i}`;
        peers.push(track(await instance.connect({ gateway, label, user: 'u', rooms: ['r'] })));
      }
    }
    for (const [name, gateway] of Object.entries(hubs)) {
      const server = first.serverOf(gateway);
      expect(server.hub).toBe(name === 'root' ? '/' : `/${name}`);
      server.emit('to', `all of ${name}`);
      server.to('r').emit('to', `the room of ${name}`);
      server.toUser('u').emit('to', `the user of ${name}`);
      last.serverOf(gateway).to('r', 's').toUser('u').emit('to', `both of ${name}`);
      // An id names a connection of one hub.
      const stranger = peers.find(({ label }) => !label.startsWith(name))!;
      server.toConnection(stranger.id).emit('to', 'a stranger');
    }
    const received: Record<string, unknown[]> = {};
    for (const [name, gateway] of Object.entries(hubs)) {
      const own = peers.filter(({ label }) => label.startsWith(name));
      for (const emitter of [first, last]) {
        const frames = await arrivalsByLabel(emitter.serverOf(gateway), own);
        for (const [label, more] of Object.entries(frames)) {
          received[label] = [...(received[label] ?? []), ...more];
        }
      }
    }
    for (const { label } of peers) {
      const name = label.slice(0, -1);
      const expected = ['all', 'the room', 'the user', 'both'].map((whom) => ({
        event: 'to',
        data: `${whom} of ${name}`,
      }));
      // Of two emitters: in any order.
      expect(new Set(received[label])).toEqual(new Set(expected));
      expect(received[label]).toHaveLength(expected.length);
    }
    // What the backplane itself says is for the hub '/'.
    first.backplane.emit('to', 'the root');
    const atRoot = peers.filter(({ label }) => label.startsWith('root'));
    expect(await arrivalsByLabel(first.serverOf(RootGateway), atRoot)).toEqual({
      root0: [{ event: 'to', data: 'the root' }],
      root1: [{ event: 'to', data: 'the root' }],
    });
  });

  it('of gateways with a port of their own have the port in front, or the name that they are given', async () => {
    const [one, two, three] = [await freePort(), await freePort(), await freePort()];

    @WebSocketGateway(one, { path: '/chat' })
    class OnPort extends Roomy {}
    @WebSocketGateway(two, { path: '/chat', hub: 'shared' })
    class Named extends Roomy {}
    @WebSocketGateway(three, { path: '/other', hub: 'shared' })
    class NamedElsewhere extends Roomy {}

    const where = backend.options();
    const first = track(
      await Instance.boot({ backplane: where, gateways: [RoomGateway, OnPort, Named] }),
    );
    const last = track(
      await Instance.boot({ backplane: where, gateways: [RoomGateway, NamedElsewhere] }),
    );
    expect(first.serverOf(OnPort).hub).toBe(`${one}/chat`);
    expect(first.serverOf(Named).hub).toBe('shared');

    const at = (port: number, path: string) => `ws://localhost:${port}${path}`;
    const peers = [
      track(await first.connect({ label: 'app' })),
      track(await first.connect({ label: 'own', gateway: OnPort, url: at(one, '/chat') })),
      track(await first.connect({ label: 'named', gateway: Named, url: at(two, '/chat') })),
      track(
        await last.connect({ label: 'far', gateway: NamedElsewhere, url: at(three, '/other') }),
      ),
    ];
    const reaches = async (send: () => void, ofHub: string[], barrier: Type<Roomy>) => {
      send();
      const own = peers.filter(({ label }) => ofHub.includes(label));
      const frames = await arrivalsByLabel(first.serverOf(barrier), own);
      expect(Object.keys(frames)).toEqual(ofHub);
    };
    await reaches(() => first.serverOf(Named).emit('said', 1), ['named', 'far'], Named);
    await reaches(() => first.serverOf(OnPort).emit('said', 2), ['own'], OnPort);
    await reaches(() => first.server.emit('said', 3), ['app'], RoomGateway);
    // Once more behind all of it: nobody got what was for others.
    const gateways = [RoomGateway, OnPort, Named, Named];
    for (const [i, peer] of peers.entries()) {
      expect(await arrivalsByLabel(first.serverOf(gateways[i]!), [peer])).toEqual({});
    }
  });

  it('of apps with other event keys do not hear each other', async () => {
    const { redis } = backend.options();
    const [a, b, c] = [uniqueKey(), uniqueKey(), uniqueKey()];
    const keysOf = [[a], [b], [`${a}:`], [`{${a}}`], [b, c]];
    const apps = [];
    for (const [i, eventKeys] of keysOf.entries()) {
      const app = track(await Instance.boot({ backplane: { redis, eventKeys } }));
      const peer = track(await app.connect({ label: `app ${i}`, user: 'u', rooms: ['r'] }));
      // Speaks from without, so that its barrier comes by the way that all messages come.
      const speaker = await createBackplane({ redis, eventKeys });
      track({ dispose: () => speaker.close() });
      apps.push({ peer, speaker: speaker.hub('/chat') });
    }
    for (const [i, { speaker }] of apps.entries()) {
      // Taken by Redis, before the next one speaks.
      await speaker.publish('said', i);
      await speaker.to('r').publish('said', i);
      await speaker.toUser('u').publish('said', i);
    }
    for (const [i, { peer, speaker }] of apps.entries()) {
      const [frames] = await arrivals(speaker, [peer]);
      const heard = new Set(frames!.map((frame) => (frame as { data: number }).data));
      // Those of [b] and [b, c] share a key: the one may hear part of what the other says.
      const shared = [1, 4].includes(i) ? [1, 4] : [i];
      expect([...heard].filter((from) => !shared.includes(from))).toEqual([]);
      expect(frames!.filter((frame) => (frame as { data: number }).data === i)).toHaveLength(3);
    }
  });

  it('gateways at one path that name different hubs fail the boot', async () => {
    @WebSocketGateway({ path: '/chat', hub: 'one' })
    class One extends Roomy {}
    @WebSocketGateway({ path: 'chat/', hub: 'two' })
    class Two extends Roomy {}
    for (const other of [Two, SecondChatGateway as Type<Roomy>]) {
      const booting = Cluster.boot(backend, 1, { gateways: [One, other] });
      await expect(booting).rejects.toThrow(/path \/chat name different hubs: "one" and/);
    }
  });
});

describeOnRedis('Several event keys', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  it('carry all traffic, each its share, in whatever order they are listed', async () => {
    const { redis: url } = redis.options();
    const keys = [uniqueKey(), uniqueKey(), uniqueKey()];
    const one = track(await Instance.boot({ backplane: { redis: url, eventKeys: keys } }));
    const other = track(
      await Instance.boot({ backplane: { redis: url, eventKeys: keys.toReversed() } }),
    );
    const rooms = Array.from({ length: 60 }, (_, i) => `room ${i}`);
    const peer = track(await one.connect({ label: 'peer', user: 'u', rooms }));
    for (const room of rooms) other.server.to(room).emit('said', room);
    other.server.to(...rooms).emit('said', 'all rooms');
    const some = rooms.slice(0, 16);
    other.server.to(...some).emit('said', 'some rooms');
    other.server.toUser('u').emit('said', 'user');
    other.server.toConnection(peer.id).emit('said', 'connection');
    const { peer: frames } = await arrivalsByLabel(other.server, [peer]);
    const expected = [...rooms, 'all rooms', 'some rooms', 'user', 'connection'];
    expect(frames).toEqual(expected.map((data) => ({ event: 'said', data })));
    expect(one.backplane.stats()).toMatchObject({ repeated: some.length - 1, malformed: 0 });

    for (const key of keys) {
      const channels = await redis.channels(key);
      expect(channels.filter((name) => name.includes('}:room:')).length).toBeGreaterThan(5);
    }
  });

  it('rooms are given up after a quiet second, and not sooner', async () => {
    const cluster = track(await Cluster.boot(redis, 2));
    const { first, last } = cluster;
    const ofRooms = async () =>
      (await redis.channels(cluster.where.eventKeys[0]!)).filter((n) => n.includes('}:room:'));
    const one = track(await first.connect({ label: 'one', rooms: ['r'] }));
    const two = track(await first.connect({ label: 'two', rooms: ['r', 's'] }));
    expect(await ofRooms()).toHaveLength(2);
    await one.socket.leave('r');
    const notYetEmpty = performance.now();
    await two.ws.close();
    await waitFor('the server to notice', () => first.server.clients.size === 1);
    await one.socket.join('s');
    await waitFor('the quiet room to go', async () => (await ofRooms()).length === 1);
    expect(performance.now() - notYetEmpty).toBeGreaterThan(900);
    expect((await ofRooms())[0]).toMatch(/:s$/);

    last.server.to('s').emit('said', 1);
    last.server.to('r').emit('said', 2);
    await one.socket.join('r');
    last.server.to('r').emit('said', 3);
    expect(await arrivalsByLabel(last.server, [one])).toEqual({
      one: [1, 3].map((data) => ({ event: 'said', data })),
    });
  });
});
