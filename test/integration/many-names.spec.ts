import { expect, it } from '@jest/globals';
import { createBackplane, type Backplane } from 'nestjs-redis-backplane';
import { FakeConnection } from '../cluster/fake-connection.js';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { waitFor } from '../support/wait-for.js';
import { describeOnRedis, uniqueKey } from './fixtures/backends.js';

const HUB = '/';
const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describeOnRedis('One call that names many', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  async function boot(options: object = {}): Promise<{ from: Backplane; to: Backplane }> {
    const where = { redis: redis.server.url, eventKeys: uniqueKey(), ...options };
    const [from, to] = [await createBackplane(where), await createBackplane(where)];
    for (const backplane of [from, to]) {
      track({ dispose: () => backplane.close() });
      backplane.serve(HUB);
      await backplane.ready();
    }
    return { from, to };
  }

  const netInput = async (): Promise<number> =>
    Number(/total_net_input_bytes:(\d+)/.exec(String(await redis.server.cli('info', 'stats')))![1]);

  /** A connection of each user, or in each room, of the instance that did not send. */
  async function members(
    of: 'user' | 'room',
    to: Backplane,
    all: readonly string[],
  ): Promise<FakeConnection[]> {
    const hub = to.serve<FakeConnection>(HUB);
    const made = await Promise.all(
      all.map(async (name) => {
        const connection = new FakeConnection(
          to.nextConnectionId(),
          of === 'user' ? name : undefined,
        );
        if (of === 'user') await hub.enterUser(name);
        hub.add(connection);
        if (of === 'room') await hub.join(connection, [name]);
        return connection;
      }),
    );
    return made;
  }

  const arrived = (connections: readonly FakeConnection[]): Promise<true> =>
    waitFor(
      'a message at each',
      () => connections.every(({ written }) => written.length > 0),
      20_000,
    );

  it('reaches each of 2,000 rooms, by bytes that grow with the names', async () => {
    const { from, to } = await boot();
    const rooms = names('room', 2_000);
    const connections = await members('room', to, rooms);
    const before = await netInput();
    from.to(rooms).emit('said', 1);
    await arrived(connections);
    expect((await netInput()) - before).toBeLessThan(2_000 * 100);
    from.to(rooms[0]!).emit('said', 2);
    await waitFor('the message behind', () => connections[0]!.written.length === 2);
    expect(connections[0]!.texts).toEqual([
      '{"event":"said","data":1}',
      '{"event":"said","data":2}',
    ]);
  });

  it('reaches each of 1,000 users, less those whom it leaves out, once', async () => {
    const { from, to } = await boot();
    const users = names('user', 1_000);
    const connections = await members('user', to, users);
    const both = connections[7]!;
    await to.serve<FakeConnection>(HUB).join(both, ['vip']);
    const before = await netInput();
    from.toUser(users).to('vip').exceptConnection(connections[8]!.id).emit('said', 1);
    const meant = connections.filter((connection) => connection !== connections[8]);
    await arrived(meant);
    from.toUser(users[7]!).emit('said', 2);
    await waitFor('the message behind', () => both.written.length === 2);
    expect(both.texts).toEqual(['{"event":"said","data":1}', '{"event":"said","data":2}']);
    expect(connections[8]!.written).toEqual([]);
    expect((await netInput()) - before).toBeLessThan(1_000 * 100);
  });

  it('enters the history of each of 1,000 users, by entries that list no others', async () => {
    const history = [{ users: true as const, size: 5, ttlMs: 60_000 }];
    const { from, to } = await boot({ history });
    const users = names('user', 1_000);
    const connections = await members('user', to, users);
    const before = await netInput();
    await from.toUser(users).publish('said', 1, { queue: true });
    await arrived(connections);
    expect((await netInput()) - before).toBeLessThan(1_000 * 1_000);
    expect(from.stats()).toMatchObject({ published: 1_000, unsent: 0 });
  });

  it('to more than 64 rooms with a history is refused at the call, and reaches nobody', async () => {
    const history = [{ rooms: 'kept:*', size: 5, ttlMs: 60_000 }];
    const { from, to } = await boot({ history });
    const [near] = await members('room', from, ['live']);
    const [far] = await members('room', to, ['kept:0']);
    const tooMany = from.to(names('kept:', 65)).to('live');
    expect(() => tooMany.emit('said', 1)).toThrow(/at most 64 rooms with a history, got 65/);
    expect(() => tooMany.send('said')).toThrow(TypeError);
    await expect(tooMany.publish('said', 1)).rejects.toThrow(TypeError);
    from.to(names('kept:', 64)).to('live', names('live', 500)).emit('said', 2);
    await arrived([near!, far!]);
    expect([...near!.texts, ...far!.texts]).toEqual(Array(2).fill('{"event":"said","data":2}'));
  });

  it('asks each instance for its own connections only', async () => {
    const { from, to } = await boot();
    const connections = await members('room', to, names('room', 500));
    const ids = connections.map(({ id }) => id);
    const { connections: count, missing } = await from.toConnection(ids).disconnectSockets();
    expect([count, missing]).toEqual([500, []]);
    for (const { disconnects } of connections) expect(disconnects).toHaveLength(1);
  });
});
