import { expect, it } from '@jest/globals';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeOnEach } from './fixtures/backends.js';
import { Cluster } from './fixtures/cluster.js';
import { arrivals, type Peer } from './fixtures/instance.js';

describeOnEach('Messages and memberships keep their order', (backend) => {
  guardProcess();
  const track = closeAfterEach();

  it('10,000 numbered messages to one room, while another emitter sends there', async () => {
    const cluster = track(await Cluster.boot(backend, 3));
    const { first, last } = cluster;
    const arriving = cluster.instances.map((one) => one.connect({ rooms: ['r'] }));
    const peers = (await Promise.all(arriving)).map(track);
    const count = 10_000;
    const few = 1_000;

    for (let n = 0; n < count; n++) {
      first.server.to('r').emit('first', n);
      if (n < few) last.server.to('r').emit('last', n);
    }
    const inTurn = Array.from({ length: count }, (_, n) => n);
    // Behind the barriers of both emitters there is nothing left of either.
    const heard = (await arrivals(first.server, peers)).map((frames) => [...frames]);
    (await arrivals(last.server, peers)).forEach((frames, i) => heard[i]!.push(...frames));
    for (const frames of heard) {
      const of = (event: string) =>
        (frames as { event: string; data: number }[])
          .filter((frame) => frame.event === event)
          .map(({ data }) => data);
      // As text: a difference among thousands is told in no time.
      expect(of('first').join()).toBe(inTurn.join());
      expect(of('last').join()).toBe(inTurn.slice(0, few).join());
      expect(frames).toHaveLength(count + few);
    }
    expect(first.backplane.stats()).toMatchObject({ emitted: count + 1, unsent: 0, malformed: 0 });
    expect(last.backplane.stats()).toMatchObject({ received: count + 1, repeated: 0 });
  });

  it('messages of many sizes and kinds, to changing targets that share a member', async () => {
    const cluster = track(await Cluster.boot(backend, 2));
    const peer = track(await cluster.last.connect({ user: 'u', rooms: ['r', 's'] }));
    const { server } = cluster.first;
    const expected: unknown[] = [];
    // All of it is less than what a client may leave unread.
    for (let n = 0; n < 60; n++) {
      const room = server.to('r');
      const size = [0, 10, 125, 126, 16_383, 16_384, 70_000][n % 7]!;
      if (n % 3 === 0) {
        room.send(Buffer.alloc(size, n));
        expected.push(`${size} bytes of ${n % 256}`);
      } else {
        const text = `${n} ${'x'.repeat(size)}`;
        (n % 3 === 1 ? room : room.compress(false)).emit('said', text);
        expected.push(`said ${text.length} of ${n}`);
      }
    }
    const [frames] = await arrivals(server, [peer]);
    expect(frames!.map(brief)).toEqual(expected.map((e) => String(e).replace(/^0 .*/, '0 bytes')));
  });

  it('whatever they are for: rooms, many rooms, users, connections, the hub', async () => {
    const cluster = track(await Cluster.boot(backend, 2));
    const { first, last } = cluster;
    const peer = track(await last.connect({ user: 'u', rooms: ['r', 's'] }));
    const { server } = first;
    const others = Array.from({ length: 40 }, (_, n) => `other ${n}`);
    const audiences = [
      server.to('r'),
      server.to(['r', 's']),
      server.to([...others, 's']),
      server.toUser('u'),
      server.toUser(['x', 'u', 'y']),
      server.toConnection(peer.id),
      server.to('s').toUser('u').toConnection(peer.id),
      server,
      server.except('nobody is here'),
    ];
    const count = 900;
    for (let n = 0; n < count; n++) audiences[(n * 7) % audiences.length]!.emit('said', n);
    const [frames] = await arrivals(server, [peer]);
    const heard = frames!.map((frame) => (frame as { data: number }).data);
    expect(heard.join()).toBe(Array.from({ length: count }, (_, n) => n).join());
  });

  it('what was emitted before a request arrives before it acts', async () => {
    const cluster = track(await Cluster.boot(backend, 2));
    const { first, last } = cluster;
    const peers = await Promise.all([1, 2, 3].map(() => last.connect({ rooms: ['r'] })));
    const [asked, left, closed] = peers.map(track) as [Peer, Peer, Peer];
    const count = 500;
    for (let n = 0; n < count; n++) first.server.to('r').emit('said', n);
    const leaving = first.server.toConnection(left.id).socketsLeave('r');
    const closing = first.server.toConnection(closed.id).disconnectSockets(4_000, 'done');
    const asking = first.server.toConnection(asked.id).timeout(20_000).emitWithAck('ask');
    const question = await asked.ws.take(
      'the question',
      (frame) => (frame as { event?: string }).event === 'ask',
    );
    asked.ws.send(JSON.stringify({ id: (question as { id: string }).id, data: 'ok' }));
    expect((await asking).answers).toEqual([{ connectionId: asked.id, data: 'ok' }]);
    await Promise.all([leaving, closing, closed.ws.closed]);
    first.server.to('r').emit('said', 'after');
    await asked.ws.take('the last', (frame) => (frame as { data?: string }).data === 'after');
    for (const { ws } of [left, closed])
      expect(
        ws.received.filter((frame) => (frame as { event: string }).event === 'said'),
      ).toHaveLength(count);
  });

  it('join, then an emit from another instance, 1,000 times', async () => {
    const cluster = track(await Cluster.boot(backend, 2));
    const { first, last } = cluster;
    const peer = track(await first.connect());
    const rooms = Array.from({ length: 1_000 }, (_, n) => `room ${n}`);
    for (const room of rooms) {
      await peer.socket.join(room);
      last.server.to(room).emit('said', room);
    }
    const [frames] = await arrivals(last.server, [peer]);
    expect(frames).toEqual(rooms.map((room) => ({ event: 'said', data: room })));
  });

  it('join, then an emit from another instance, all at once', async () => {
    const cluster = track(await Cluster.boot(backend, 2));
    const { first, last } = cluster;
    const peer = track(await first.connect());
    const rooms = Array.from({ length: 1_000 }, (_, n) => `room ${n}`);
    await Promise.all(
      rooms.map(async (room) => {
        await peer.socket.join(room);
        last.server.to(room).emit('said', room);
      }),
    );
    const [frames] = await arrivals(last.server, [peer]);
    const heard = frames!.map((frame) => (frame as { data: string }).data);
    expect(heard.sort()).toEqual(rooms.toSorted());
  });

  it('leave and join again in one breath, 300 times', async () => {
    const cluster = track(await Cluster.boot(backend, 2));
    const { first, last } = cluster;
    const peer = track(await first.connect({ user: 'u' }));
    for (let n = 0; n < 300; n++) {
      // Of no use to anybody, but to the order of what Redis is told.
      void peer.socket.join('r');
      void peer.socket.leave('r');
      if (n % 2 === 0) await peer.socket.leave('r');
      await peer.socket.join('r');
      last.server.to('r').emit('said', n);
    }
    const [frames] = await arrivals(last.server, [peer]);
    expect(frames!.map((frame) => (frame as { data: number }).data)).toEqual(
      Array.from({ length: 300 }, (_, n) => n),
    );
  });

  it('a request acts before what the same instance sends after it, also where both come together', async () => {
    const cluster = track(await Cluster.boot(backend, 2));
    const { first, last } = cluster;
    const peer = track(await last.connect({ rooms: ['stays'] }));
    const done: Promise<unknown>[] = [];
    for (let n = 0; n < 100; n++) {
      await peer.socket.join('r');
      first.server.to('r').emit('said', n);
      done.push(first.server.to('stays').socketsLeave('r'));
      first.server.to('r').emit('said', -1);
      await done.at(-1);
    }
    const [frames] = await arrivals(first.server, [peer]);
    expect(frames!.map((frame) => (frame as { data: number }).data)).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    );
  });

  it('what is emitted after leave() does not arrive; join() on one instance needs no waiting', async () => {
    const cluster = track(await Cluster.boot(backend, 2));
    const { first, last } = cluster;
    const peer = track(await first.connect({ rooms: ['r'] }));
    const mate = track(await first.connect({ rooms: ['r'] }));
    void peer.socket.leave('r');
    first.server.to('r').emit('said', 1);
    last.server.to('r').emit('said', 2);
    void peer.socket.join('s');
    first.server.to('s').emit('said', 3);
    const [ofPeer, ofMate] = await arrivals(last.server, [peer, mate]);
    expect(ofPeer).toEqual([{ event: 'said', data: 3 }]);
    // Of two emitters: in either order.
    expect(new Set(ofMate)).toEqual(
      new Set([
        { event: 'said', data: 1 },
        { event: 'said', data: 2 },
      ]),
    );
    expect(ofMate).toHaveLength(2);
  });
});

function brief(frame: unknown): string {
  if (Buffer.isBuffer(frame)) {
    if (frame.length === 0) return '0 bytes';
    const filled = frame.every((byte) => byte === frame[0]);
    return `${frame.length} bytes of ${filled ? frame[0] : 'several'}`;
  }
  const { event, data } = frame as { event: string; data: string };
  return `${event} ${data.length} of ${Number.parseInt(data, 10)}`;
}
