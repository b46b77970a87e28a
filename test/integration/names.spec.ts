import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeOnEach } from './fixtures/backends.js';
import { arrivalsByLabel, Cluster } from './fixtures/cluster.js';
import { HOSTILE_NAMES } from './fixtures/hostile-names.js';
import type { Peer } from './fixtures/instance.js';

describeOnEach('A name means only itself, as', (backend) => {
  guardProcess();
  const track = closeAfterEach();
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.boot(backend, 2);
  });
  afterAll(() => cluster.dispose());

  it('a room', async () => {
    const { first, last } = cluster;
    const arriving = HOSTILE_NAMES.map((room) => last.connect({ label: room, rooms: [room] }));
    const peers = (await Promise.all(arriving)).map(track);
    for (const room of HOSTILE_NAMES) first.server.to(room).emit('said', room);
    expect(await received(peers)).toEqual(eachItsOwn());

    for (const room of HOSTILE_NAMES) first.server.except(room).emit('said', room);
    const others = await received(peers);
    for (const room of HOSTILE_NAMES) {
      expect(others.get(room)).toEqual(said(HOSTILE_NAMES.filter((other) => other !== room)));
    }

    expect(new Set(peers.flatMap((peer) => [...peer.socket.rooms]))).toEqual(
      new Set(HOSTILE_NAMES),
    );
    await Promise.all(peers.map((peer) => peer.socket.leave(peer.label)));
    for (const room of HOSTILE_NAMES) first.server.to(room).emit('said', room);
    expect(await received(peers)).toEqual(new Map());
  });

  it('a user', async () => {
    const { first, last } = cluster;
    const arriving = HOSTILE_NAMES.map((user) => last.connect({ label: user, user }));
    const peers = (await Promise.all(arriving)).map(track);
    for (const user of HOSTILE_NAMES) first.server.toUser(user).emit('said', user);
    expect(await received(peers)).toEqual(eachItsOwn());

    // A user is no room, whatever they are called.
    for (const user of HOSTILE_NAMES) first.server.to(user).emit('said', user);
    expect(await received(peers)).toEqual(new Map());
  });

  it('an event', async () => {
    const { first, last } = cluster;
    const peer = track(await last.connect({ label: 'only' }));
    const events = HOSTILE_NAMES.filter((name) => !name.startsWith('$'));
    for (const event of events) first.server.emit(event, event);
    const frames = (await received([peer])).get('only');
    expect(frames).toEqual(events.map((event) => ({ event, data: event })));
  });

  async function received(peers: Peer[]): Promise<Map<string, unknown[]>> {
    const byLabel = await arrivalsByLabel(cluster.first.server, peers);
    return new Map(Object.entries(byLabel));
  }

  function eachItsOwn(): Map<string, unknown[]> {
    return new Map(HOSTILE_NAMES.map((name) => [name, said([name])]));
  }

  function said(names: string[]): unknown[] {
    return names.map((data) => ({ event: 'said', data }));
  }
});
