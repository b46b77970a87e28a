import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import {
  type Backplane,
  BackplaneUnavailableError,
  createBackplane,
  type RedisBackplaneOptions,
} from 'nestjs-redis-backplane';
import { FakeConnection } from '../cluster/fake-connection.js';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { nextTurn, waitFor } from '../support/wait-for.js';
import { Instance, ownKey } from './fixtures/instance.js';

const HUB = '/';
const LONG_MS = 120_000;

describeWithRedis('A burst', () => {
  guardProcess();
  const track = closeAfterEach();

  interface Stage {
    redis: RedisServer;
    from: Backplane;
    to: Backplane;
    /** All statuses of the instance that sends, since it was ready. */
    statuses: string[];
  }

  async function boot(options: RedisBackplaneOptions = {}): Promise<Stage> {
    const redis = track(await RedisServer.start());
    track({ dispose: () => redis.resume() });
    const where = { redis: redis.url, eventKeys: ownKey(), ...options };
    const [from, to] = [await createBackplane(where), await createBackplane(where)];
    for (const backplane of [from, to]) {
      track({ dispose: () => backplane.close() });
      backplane.serve(HUB);
      await backplane.ready();
      await backplane.settled();
    }
    const statuses: string[] = [];
    from.on('status', (status) => statuses.push(status));
    return { redis, from, to, statuses };
  }

  /** A connection of another instance. */
  async function member(to: Backplane, rooms: string[], userId?: string): Promise<FakeConnection> {
    const hub = to.serve<FakeConnection>(HUB);
    const connection = new FakeConnection(to.nextConnectionId(), userId);
    if (userId !== undefined) await hub.enterUser(userId);
    hub.add(connection);
    await hub.join(connection, rooms);
    return connection;
  }

  const numbersAt = ({ texts }: FakeConnection): number[] =>
    texts.map((text) => (JSON.parse(text) as { data: number }).data);
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

  it(
    'of 50,000 messages to users in one turn arrives, and the small one behind it',
    async () => {
      const { from, to, statuses } = await boot();
      const users = await Promise.all(upTo(50).map((i) => member(to, [], `user ${i}`)));
      const last = await member(to, ['last']);
      for (let i = 0; i < 50_000; i++) from.toUser(`user ${i % 50}`).emit('said', (i / 50) | 0);
      from.to('last').emit('said', 0);
      expect(from.stats().waiting).toBeGreaterThan(40_000);
      await waitFor('the last message', () => last.written.length === 1, LONG_MS);
      for (const user of users) expect(numbersAt(user)).toEqual(upTo(1_000));
      await waitFor('the answers', () => from.stats().waiting === 0);
      expect(from.stats()).toMatchObject({ unsent: 0, waiting: 0, waitingBytes: 0 });
      expect(statuses).toEqual([]);
    },
    LONG_MS,
  );

  it(
    'of 300 messages of 100 kB to as many rooms arrives',
    async () => {
      const { from, to } = await boot();
      const rooms = upTo(300).map((i) => `room ${i}`);
      const far = await member(to, rooms);
      const large = 'x'.repeat(100_000);
      for (const room of rooms) from.to(room).emit('said', large);
      expect(from.stats().waitingBytes).toBeGreaterThan(28_000_000);
      await waitFor('all of them', () => far.written.length === 300, LONG_MS);
      expect(from.stats().unsent).toBe(0);
    },
    LONG_MS,
  );

  it(
    'of 20,000 messages to a room with a history stands in it, in its order',
    async () => {
      const { from, to } = await boot({
        history: [{ rooms: 'kept', size: 100_000, ttlMs: 60_000 }],
      });
      const far = await member(to, ['kept']);
      for (let i = 0; i < 20_000; i++) from.to('kept').emit('said', i);
      await waitFor('all of them', () => far.written.length === 20_000, LONG_MS);
      expect(numbersAt(far)).toEqual(upTo(20_000));
      await waitFor('all answers', () => from.stats().published === 20_000, LONG_MS);
      expect(from.stats().unsent).toBe(0);
    },
    LONG_MS,
  );

  it(
    'that never ends does not make the link count as lost, and what is taken arrives in order',
    async () => {
      const { from, to, statuses } = await boot({
        redisBufferBytes: 8_000_000,
        commandTimeoutMs: 1_000,
      });
      const far = await member(to, ['r']);
      const filler = 'x'.repeat(2_000);
      // More than two intervals of the probe, with a queue that is full all the time.
      const end = performance.now() + 8_000;
      let numbered = 0;
      while (performance.now() < end) {
        const { unsent } = from.stats();
        while (from.stats().unsent === unsent) {
          for (let i = 0; i < 500; i++) from.to('elsewhere').emit('said', filler);
          from.to('r').emit('said', numbered++);
          await Promise.resolve();
        }
        await nextTurn();
      }
      expect(from.stats().unsent).toBeGreaterThan(0);
      expect(statuses).toEqual([]);
      await waitFor('room', () => from.stats().waiting === 0, LONG_MS);
      await from.to('r').publish('said', numbered);
      await waitFor('the last', () => numbersAt(far).at(-1) === numbered, LONG_MS);
      const heard = numbersAt(far);
      expect(heard).toEqual(heard.toSorted((a, b) => a - b));
      expect(new Set(heard).size).toBe(heard.length);
    },
    LONG_MS,
  );

  it(
    'behind which Redis falls silent waits, and leaves in its order when Redis answers again',
    async () => {
      const { redis, from, to } = await boot({ commandTimeoutMs: 1_000 });
      const far = await member(to, ['r']);
      redis.pause();
      const asked = performance.now();
      for (let i = 0; i < 10_000; i++) from.to('r').emit('said', i);
      await nextTurn();
      expect(from.stats()).toMatchObject({ unsent: 0 });
      await waitFor('Redis to be taken for silent', () => from.stats().liveWaiting > 0, LONG_MS);
      expect(performance.now() - asked).toBeGreaterThan(1_000);
      const late = from.to('r').timeout(100).publish('said', -1);
      await expect(late).rejects.toThrow(/within 100 ms; it was not sent/);
      const inTime = from.to('r').timeout(LONG_MS).publish('said', 10_000);
      redis.resume();
      await inTime;
      await waitFor('the message after', () => numbersAt(far).at(-1) === 10_000, LONG_MS);
      expect(numbersAt(far)).toEqual(upTo(10_001));
      expect(from.stats()).toMatchObject({ unsent: 0, liveWaiting: 0 });
    },
    LONG_MS,
  );

  it(
    'that does not fit is refused, and what fits arrives, in its order',
    async () => {
      const { redis, from, to } = await boot({ redisBufferBytes: 200_000 });
      const far = await member(to, ['r']);
      redis.pause();
      for (let i = 0; i < 5_000; i++) from.to('r').emit('said', i);
      const { waiting, waitingBytes } = from.stats();
      expect(waiting).toBeGreaterThan(300);
      expect(waitingBytes).toBeGreaterThan(190_000);
      expect(waitingBytes).toBeLessThanOrEqual(200_000);
      await expect(from.to('r').publish('said', -1)).rejects.toThrow(
        /messages wait for it already, .* \("redisBufferBytes" is 200000\)/,
      );
      redis.resume();
      await waitFor('all that was taken', () => far.written.length === 2_000 + waiting, LONG_MS);
      expect(numbersAt(far)).toEqual(upTo(2_000 + waiting));
      expect(from.stats()).toMatchObject({ unsent: 3_000 - waiting, waiting: 0 });
    },
    LONG_MS,
  );

  it(
    'leaves nothing behind of a publish whose time is over',
    async () => {
      const { redis, from, to } = await boot();
      const far = await member(to, ['r', 's']);
      redis.pause();
      for (let i = 0; i < 2_000; i++) from.to('elsewhere').emit('said', i);
      const late = from.to('r').timeout(100).publish('said', 'late');
      const lateToTwo = from.to('r', 's').timeout(100).publish('said', 'late');
      from.to('r').emit('said', 'stays');
      expect(from.stats().waiting).toBe(4);
      await expect(late).rejects.toThrow(/within 100 ms; it was not sent/);
      await expect(lateToTwo).rejects.toThrow(BackplaneUnavailableError);
      expect(from.stats().waiting).toBe(1);
      redis.resume();
      await from.to('s').publish('said', 'after');
      await waitFor('what comes behind', () => far.written.length >= 2);
      expect(far.texts.map((text) => (JSON.parse(text) as { data: string }).data)).toEqual([
        'stays',
        'after',
      ]);
    },
    LONG_MS,
  );

  it(
    'leaves nothing behind of a publish into a history whose time is over, and of nothing else',
    async () => {
      const { redis, from } = await boot({
        history: [{ rooms: 'kept', size: 100, ttlMs: 60_000 }],
      });
      redis.pause();
      for (let i = 0; i < 2_000; i++) from.to('elsewhere').emit('said', i);
      from.to('kept').emit('said', 'first');
      const late = from.to('kept').timeout(100).publish('said', 'late');
      const second = from.to('kept').publish('said', 'second', { queue: true });
      await expect(late).rejects.toThrow(/within 100 ms; it was not sent/);
      redis.resume();
      expect(await second).toMatchObject({ offset: 2, duplicate: false });
      const { entries } = await from.history('kept');
      expect(entries.map(({ data }) => data)).toEqual(['first', 'second']);
    },
    LONG_MS,
  );

  it(
    'into a history that is cut off arrives whole, when the link is back',
    async () => {
      const { redis, from, to } = await boot({
        history: [{ rooms: 'kept', size: 100_000, ttlMs: 60_000 }],
      });
      const far = await member(to, ['kept']);
      for (let i = 0; i < 20_000; i++) from.to('kept').emit('said', i);
      await waitFor('the first to arrive', () => far.written.length > 0, LONG_MS);
      await redis.cli('client', 'kill', 'type', 'normal');
      await waitFor('all of them', () => far.written.length >= 20_000, LONG_MS);
      expect(numbersAt(far)).toEqual(upTo(20_000));
      expect(from.stats()).toMatchObject({ unsent: 0 });
    },
    LONG_MS,
  );

  it(
    'of which Redis refuses some in passing stands in its history without a hole',
    async () => {
      const { redis, from } = await boot({
        history: [{ rooms: 'kept', size: 100_000, ttlMs: 60_000 }],
      });
      const control = new Redis(redis.url);
      track({ dispose: () => control.disconnect() });
      for (let i = 0; i < 10_000; i++) from.to('kept').emit('said', i);
      // A write that wants two replicas is refused: NOREPLICAS, which passes.
      await control.config('SET', 'min-replicas-to-write', '2');
      await waitFor(
        'a refusal',
        () => from.stats().outbox > 0 || from.stats().published === 10_000,
        LONG_MS,
      );
      await control.config('SET', 'min-replicas-to-write', '0');
      await waitFor('all of them', () => from.stats().published >= 10_000, LONG_MS);
      const { entries } = await from.history('kept', { limit: 10_000 });
      const numbers = entries.map(({ data }) => data as number);
      expect(numbers).toEqual(upTo(numbers.length));
      expect(from.stats()).toMatchObject({ unsent: 0, outbox: 0 });
    },
    LONG_MS,
  );

  it(
    'is not overtaken by a disconnect, which is not refused either',
    async () => {
      const redis = track(await RedisServer.start());
      const options = { redis: redis.url, eventKeys: ownKey(), redisBufferBytes: 1_000_000 };
      const [a, b] = [track(await Instance.boot(options)), track(await Instance.boot(options))];
      await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
      const client = track(await b.connect('r'));
      const emits = 3_000;
      for (let i = 0; i < emits; i++) a.server.to('r').emit('said', i);
      for (let i = 0; i < 10_000; i++) a.server.to('elsewhere').emit('said', i);
      await nextTurn();
      expect(a.backplane.stats().unsent).toBeGreaterThan(0);
      const done = await a.server.to('r').timeout(60_000).disconnectSockets(4_000, 'bye');
      expect(done).toEqual({ connections: 1, missing: [] });
      expect(await client.closed).toMatchObject({ code: 4_000 });
      const said = client.received.filter(
        (frame) => (frame as { event?: string }).event === 'said',
      );
      expect(said).toHaveLength(emits);
    },
    LONG_MS,
  );

  it(
    'leaves when the backplane is closed, before the goodbye',
    async () => {
      const { from, to } = await boot({ history: [{ rooms: 'kept', size: 100, ttlMs: 60_000 }] });
      const far = await member(to, ['r', 'kept']);
      const gone: string[] = [];
      to.on('instanceLeft', (_, how) => gone.push(`${how} after ${far.written.length}`));
      for (let i = 0; i < 10_000; i++) from.to(i % 2 === 0 ? 'r' : 'kept').emit('said', i);
      await Promise.all([from.close(), from.close()]);
      await waitFor('the goodbye', () => gone.length > 0, LONG_MS);
      expect(gone).toEqual(['left after 10000']);
      expect(from.stats()).toMatchObject({ unsent: 0, waiting: 0 });
    },
    LONG_MS,
  );
});
