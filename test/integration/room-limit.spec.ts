import { expect, it } from '@jest/globals';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { BackplaneSocket, LimitExceededError } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeOnEach } from './fixtures/backends.js';
import { Cluster } from './fixtures/cluster.js';
import { Instance, type Peer } from './fixtures/instance.js';
import { Roomy } from './fixtures/room.gateway.js';

const names = (count: number, prefix = 'room') =>
  Array.from({ length: count }, (_, i) => `${prefix} ${i}`);

@WebSocketGateway({ path: '/chat' })
class Gateway extends Roomy {
  @SubscribeMessage('leave')
  async leave(@ConnectedSocket() client: BackplaneSocket, @MessageBody() rooms: string[]) {
    await client.leave(rooms);
  }

  @SubscribeMessage('join at once')
  joinAtOnce(@ConnectedSocket() client: BackplaneSocket, @MessageBody() rooms: string[]) {
    return Promise.allSettled(rooms.map((room) => client.join(room)));
  }
}

describeOnEach('The limit of rooms', (backend) => {
  guardProcess();
  const track = closeAfterEach();

  async function boot(limits?: { rooms?: number | false }, size = 1) {
    const gateways = [Gateway];
    return track(await Cluster.boot(backend, size, { gateways, backplane: { limits } }));
  }

  const complaints = ({ booted }: Instance) => booted.log.matching(/^(ERROR|WARN|FATAL)/);
  const failure = (error: unknown) => ({
    error: { status: 'error', message: expect.stringMatching(error as RegExp) },
  });

  it('is 1,000, itself allowed; a call that goes beyond it joins nothing', async () => {
    const { first } = await boot();
    const { ws, socket } = track(await first.connect());
    await ws.request('join', names(999));
    await expect(ws.request('join', ['room 1', 'x', 'y'])).rejects.toMatchObject(
      failure(/at most 1000 rooms: this one is in 999, and 3 more were asked for/),
    );
    expect(socket.rooms.size).toBe(999);
    expect(socket.rooms.has('x')).toBe(false);
    await ws.request('join', ['room 1', 'x', 'x']);
    expect(socket.rooms.size).toBe(1_000);
    await ws.request('join', names(999));
    await expect(ws.request('join', 'y')).rejects.toMatchObject(failure(/is in 1000/));
    await ws.request('leave', ['x', 'never in it']);
    await ws.request('join', 'y');
    expect(socket.rooms.size).toBe(1_000);
    expect(complaints(first)).toEqual([]);
  });

  it('answers 100,000 rooms in one frame in plain words, with or without an id', async () => {
    const { first } = await boot();
    const [{ ws, socket }, honest] = [track(await first.connect()), track(await first.connect())];
    const many = Array.from({ length: 100_000 }, (_, i) => i.toString(36));
    await expect(ws.request('join', many)).rejects.toMatchObject(failure(/100000 more/));
    ws.sendEvent('join', many);
    const exception = await ws.nextEvent<{ message: string; status: string }>('exception');
    expect(exception).toMatchObject({ status: 'error', message: expect.stringMatching(/100000/) });
    expect(exception.message).not.toMatch(/limits:/);
    expect(socket.rooms.size).toBe(0);
    expect(await honest.ws.request('join', 'lobby')).toEqual(['lobby']);
    expect(complaints(first)).toEqual([]);
  });

  it('cannot be passed by joins at the same time', async () => {
    const { first } = await boot({ rooms: 5 });
    const { ws, socket } = track(await first.connect());
    const outcomes = await ws.request<{ status: string }[]>('join at once', names(50));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(socket.rooms.size).toBe(5);
    await expect(socket.join('one more')).rejects.toBeInstanceOf(LimitExceededError);
  });

  it('can be turned off', async () => {
    const { first } = await boot({ rooms: false });
    const { ws } = track(await first.connect());
    expect(await ws.request('join', names(3_000))).toHaveLength(3_000);
  });

  it('holds for joins from other instances: who is at it is named, and harms nobody', async () => {
    const { first, last } = await boot({ rooms: 3 }, 2);
    const full: Peer = track(await first.connect({ rooms: ['a', 'b', 'c'] }));
    const empty = track(await first.connect({ rooms: ['all'] }));
    const far = track(await last.connect({ rooms: ['all'] }));
    const all = last.server.to('a', 'all');

    expect(await all.socketsJoin('x')).toEqual({
      connections: 2,
      missing: [{ connectionId: full.id, reason: 'LIMIT_EXCEEDED', max: 3 }],
    });
    expect([full, empty, far].map(({ socket }) => socket.rooms.has('x'))).toEqual([
      false,
      true,
      true,
    ]);
    expect(await all.socketsJoin('a', 'b', 'a')).toMatchObject({ connections: 1 });
    expect(full.socket.rooms.size).toBe(3);
    expect(await all.socketsJoin(names(20_000))).toMatchObject({ connections: 0 });

    const [remote] = await last.server.toConnection(full.id).fetchSockets();
    await expect(remote!.join('x', 'y')).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'rooms',
      max: 3,
      asked: 2,
    });
    await remote!.join('a');
    await remote!.leave('a');
    await remote!.join('x');
    expect(full.socket.rooms).toEqual(new Set(['b', 'c', 'x']));
    expect([...complaints(first), ...complaints(last)]).toEqual([]);
  });
});
