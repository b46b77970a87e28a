import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Outbox } from '../../../lib/cluster/history/publishing/outbox.js';
import { BackplaneUnavailableError } from '../../../lib/errors/backplane-unavailable.error.js';
import type { Append } from '../../../lib/transport/logs.js';
import type { RedisClients } from '../../../lib/transport/redis/redis-clients.js';
import { RedisSender } from '../../../lib/transport/redis/redis-sender.js';
import { Ticket } from '../../../lib/transport/ticket.js';
import type { Sending } from '../../../lib/transport/transport.js';
import { nextTurn } from '../../support/wait-for.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** As lib/transport/redis/redis-sender.ts and lib/transport/waits.ts state them. */
const AHEAD = 2_000;
const RESERVE = 16 * MIB;
const OVERHEAD = 512;
const LIMIT = MIB;
const ANSWER_TIMEOUT_MS = 2_000;

describe('The sender of Redis', () => {
  let sender: RedisSender;
  let downReason: string | undefined;
  let answers: { resolve: () => void; reject: (error: Error) => void }[];
  const left: string[] = [];

  const failed = (error: Error): Error =>
    new BackplaneUnavailableError(error.message, { cause: error });

  const sending = (name: string, bytes: number, how?: Sending): Promise<void> => {
    const command = (): Promise<void> => {
      left.push(name);
      return new Promise<void>((resolve, reject) => answers.push({ resolve, reject }));
    };
    return sender.send({ length: bytes, command, failed }, how);
  };
  /** Resolves with whether it was answered. */
  const send = (name: string, bytes = 1, how?: Sending): Promise<boolean> =>
    sending(name, bytes, how).then(
      () => true,
      () => false,
    );
  const reason = (name: string, bytes = 1, how?: Sending): Promise<string> =>
    sending(name, bytes, how).then(
      () => 'sent',
      (error: Error) => error.message,
    );
  const answer = async (count: number): Promise<void> => {
    for (const { resolve } of answers.splice(0, count)) resolve();
    await microtasks();
  };
  const fill = (count: number, bytes = 1): void => {
    for (let n = 0; n < count; n++) void send('filler', bytes);
    left.length = 0;
  };
  /** As much as ioredis is given ahead. */
  const fillWindow = (): void => fill(AHEAD);

  beforeEach(() => {
    downReason = undefined;
    sender = new RedisSender({
      clients: { ownsCommands: false } as RedisClients,
      downReason: () => downReason,
      bufferBytes: LIMIT,
      answerTimeoutMs: ANSWER_TIMEOUT_MS,
    });
    answers = [];
    left.length = 0;
  });

  afterEach(() => sender.close());

  describe('gives ioredis a little ahead:', () => {
    it('2,000 messages; the rest leaves in its order, one for each answer', async () => {
      fill(AHEAD - 1);
      for (const name of ['last', 'a', 'b', 'c']) void send(name);
      expect([left, sender.waiting]).toEqual([
        ['last'],
        { messages: 3, bytes: 3 * (1 + OVERHEAD) },
      ]);
      await answer(1);
      expect(left).toEqual(['last', 'a']);
      await answer(5);
      expect(left).toEqual(['last', 'a', 'b', 'c']);
      expect(sender.waiting).toEqual({ messages: 0, bytes: 0 });
    });

    it('a MiB, and the message that exceeds it', async () => {
      fill(3, 300 * KIB);
      void send('exceeds it', 600 * KIB);
      void send('small');
      expect(left).toEqual(['exceeds it']);
      await answer(1);
      expect(left).toEqual(['exceeds it']);
      await answer(1);
      expect(left).toEqual(['exceeds it', 'small']);
    });

    it('errors are answers, too', async () => {
      fillWindow();
      const sent = send('waits');
      answers.shift()!.reject(new Error('OOM'));
      await microtasks();
      expect(left).toEqual(['waits']);
      await answer(AHEAD);
      expect(await sent).toBe(true);
    });

    it('nothing while the connection is away, and the rest when it is back', async () => {
      fillWindow();
      void send('waits');
      downReason = 'the connection was closed';
      for (const { reject } of answers.splice(0)) reject(new Error('closed'));
      await microtasks();
      expect(left).toEqual([]);
      expect(await reason('late')).toBe('the connection was closed');
      downReason = undefined;
      sender.resume();
      expect(left).toEqual(['waits']);
    });

    it('50,000 in one turn, at what they cost', async () => {
      sender.close();
      sender = new RedisSender({
        clients: { ownsCommands: false } as RedisClients,
        downReason: () => undefined,
      });
      const all = Array.from({ length: 50_000 }, (_, i) => send(String(i)));
      expect(sender.waiting.messages).toBe(50_000 - AHEAD);
      while (answers.length > 0) await answer(500);
      expect(new Set(await Promise.all(all))).toEqual(new Set([true]));
      expect(left.join()).toBe(Array.from({ length: 50_000 }, (_, i) => i).join());
    });
  });

  describe('refuses what is too much:', () => {
    const SIZE = 10 * KIB;
    const FITS = Math.floor(LIMIT / (SIZE + OVERHEAD));

    it('what does not fit, the overhead included, and says so', async () => {
      fillWindow();
      fill(FITS, SIZE);
      expect(sender.waiting.messages).toBe(FITS);
      expect(await reason('more', SIZE)).toBe(
        `${FITS} messages wait for it already, which take ${FITS * (SIZE + OVERHEAD)} bytes ("redisBufferBytes" is ${LIMIT})`,
      );
      expect(sender.waiting.messages).toBe(FITS);
    });

    it('all that comes behind what was refused, until half of the limit is free', async () => {
      fillWindow();
      fill(FITS, SIZE);
      expect(await send('large', SIZE)).toBe(false);
      expect(await send('small')).toBe(false);
      await answer(AHEAD / 100);
      expect(await send('small')).toBe(false);
      while (sender.waiting.bytes > LIMIT / 2) await answer(1);
      left.length = 0;
      void send('large', SIZE);
      void send('small');
      await answer(AHEAD * 2);
      await answer(AHEAD * 2);
      expect(left.slice(-2)).toEqual(['large', 'small']);
    });

    it('but a message that is larger than the limit, where nothing else waits', async () => {
      const huge = 3 * LIMIT;
      fill(1);
      void send('huge', huge);
      expect(left).toEqual(['huge']);
      void send('second huge', huge);
      expect(sender.waiting.messages).toBe(1);
      expect(await send('third huge', huge)).toBe(false);
      await answer(2);
      expect(left).toEqual(['huge', 'second huge']);
      // There is much room: others are not held up by what was refused.
      await answer(1);
      void send('small');
      expect(left).toEqual(['huge', 'second huge', 'small']);
    });

    it('requests only beyond their reserve, and in their place', async () => {
      fillWindow();
      fill(FITS, SIZE);
      expect(await send('data', SIZE)).toBe(false);
      void send('request', SIZE, { lane: 'control' });
      expect(await send('data', SIZE)).toBe(false);
      let taken = 1;
      while (taken < 5_000 && sender.waiting.bytes + SIZE + OVERHEAD <= LIMIT + RESERVE) {
        void send('request', SIZE, { lane: 'control' });
        taken++;
      }
      expect(taken).toBeGreaterThan(1_500);
      expect(await send('one too many', SIZE, { lane: 'control' })).toBe(false);
      for (let n = 0; n < 100; n++) await answer(AHEAD);
      expect(left.slice(0, FITS)).toEqual(Array(FITS).fill('filler'));
      expect(left.slice(FITS)).toEqual(Array(taken).fill('request'));
    });

    it('nothing that is urgent, unless the connection is away', async () => {
      fillWindow();
      fill(FITS, SIZE);
      expect(await send('data', SIZE)).toBe(false);
      void send('probe', 1, { lane: 'urgent' });
      expect(left).toEqual(['probe']);
      downReason = 'cut';
      expect(await reason('probe', 1, { lane: 'urgent' })).toBe('cut');
    });
  });

  describe('takes a Redis that answers nothing for lost:', () => {
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
    });
    afterEach(() => {
      sender.close();
      expect(jest.getTimerCount()).toBe(0);
      jest.useRealTimers();
    });

    it('refuses what waits and what comes, until it answers', async () => {
      fillWindow();
      const waits = reason('waits');
      await jest.advanceTimersByTimeAsync(ANSWER_TIMEOUT_MS - 100);
      void send('waits, too');
      expect(sender.waiting.messages).toBe(2);
      await jest.advanceTimersByTimeAsync(200);
      const silent = `it has not answered for ${ANSWER_TIMEOUT_MS} ms, with ${AHEAD} messages under way`;
      expect([await waits, await reason('late')]).toEqual([silent, silent]);
      expect(await reason('late announcement', 1, { lane: 'control' })).toBe(silent);
      const ticket = new Ticket();
      void send('waits for its deadline', 1, { ticket });
      const tooLate = new Ticket();
      void send('too late', 1, { ticket: tooLate });
      void send('probe', 1, { lane: 'urgent' });
      expect([left, sender.waiting.messages]).toEqual([['probe'], 2]);
      expect([tooLate.withdraw(), ticket.isHere]).toEqual([true, true]);
      await answer(2);
      void send('in time');
      expect(left).toEqual(['probe', 'waits for its deadline', 'in time']);
    });

    it('however few are under way, and again after it was there', async () => {
      for (let n = 0; n < 3; n++) {
        void send('unanswered');
        await jest.advanceTimersByTimeAsync(ANSWER_TIMEOUT_MS + 100);
        expect(await reason('late')).toMatch(/not answered for 2000 ms, with 1 messages/);
        await answer(1);
      }
    });

    it('but not one that answers slowly, however long a message waits', async () => {
      fillWindow();
      const last = send('last');
      for (let n = 0; n < 20; n++) {
        await jest.advanceTimersByTimeAsync(ANSWER_TIMEOUT_MS * 0.9);
        await answer(1);
      }
      await answer(AHEAD);
      expect(await last).toBe(true);
    });

    it('nor one that was asked nothing', async () => {
      void send('first');
      await answer(1);
      await jest.advanceTimersByTimeAsync(10 * ANSWER_TIMEOUT_MS);
      const next = send('next');
      await jest.advanceTimersByTimeAsync(ANSWER_TIMEOUT_MS * 0.9);
      await answer(1);
      expect(await next).toBe(true);
    });
  });

  describe('lets what waits be withdrawn:', () => {
    it('it never leaves, and takes no room', async () => {
      fillWindow();
      const tickets = Array.from({ length: 100 }, () => new Ticket());
      const sent = tickets.map((ticket, i) => reason(String(i), 1, { ticket }));
      for (const [i, ticket] of tickets.entries())
        if (i !== 50) expect(ticket.withdraw()).toBe(true);
      expect(sender.waiting).toEqual({ messages: 1, bytes: 1 + OVERHEAD });
      await answer(AHEAD);
      await answer(1);
      expect(left).toEqual(['50']);
      expect(tickets[50]!.withdraw()).toBe(false);
      const fates = await Promise.all(sent);
      expect(fates[50]).toBe('sent');
      expect(new Set(fates)).toEqual(new Set(['it was withdrawn before it left', 'sent']));
    });

    it('twice, after it was refused, and after it left: nothing', async () => {
      fillWindow();
      const [a, b, c] = [new Ticket(), new Ticket(), new Ticket()];
      const sent = [send('a', 1, { ticket: a }), send('b', 1, { ticket: b })];
      expect([a.withdraw(), a.withdraw()]).toEqual([true, true]);
      sender.lost('cut');
      expect([b.withdraw(), b.isHere]).toEqual([true, true]);
      expect(await Promise.all(sent)).toEqual([false, false]);
      expect(sender.waiting).toEqual({ messages: 0, bytes: 0 });
      await answer(1);
      void send('c', 1, { ticket: c });
      expect([c.withdraw(), c.isHere, left]).toEqual([false, false, ['c']]);
    });

    it('of copies, those that have not left', async () => {
      fill(AHEAD - 1);
      let leaves = 0;
      const ticket = new Ticket(() => leaves++);
      const copies = ['left', 'waits', 'waits, too'].map((name) => send(name, 1, { ticket }));
      expect([ticket.withdraw(), leaves]).toEqual([false, 1]);
      await answer(AHEAD);
      expect(left).toEqual(['left']);
      expect(await Promise.all(copies)).toEqual([true, false, false]);
    });
  });

  it('refuses all that waits when the connection is lost, with one error', async () => {
    fillWindow();
    const errors = [1, 2, 3].map((n) => sending(`${n}`, 1).catch((error: Error) => error));
    sender.lost('cut');
    const [first, ...others] = await Promise.all(errors);
    expect(first).toMatchObject({ name: 'BackplaneUnavailableError', message: 'cut' });
    for (const other of others) expect(other).toBe(first);
    await answer(AHEAD);
    expect(left).toEqual([]);
  });

  describe('drains:', () => {
    it('at once where nothing is under way', async () => {
      await sender.drain(60_000);
      void send('a');
      await answer(1);
      await sender.drain(60_000);
    });

    it('until all that was sent before has been answered, and not what comes later', async () => {
      fillWindow();
      void send('waits');
      let isDrained = false;
      const drained = sender.drain(60_000).then(() => (isDrained = true));
      void send('later');
      await answer(AHEAD);
      expect([isDrained, left]).toEqual([false, ['waits', 'later']]);
      await answer(1);
      await drained;
    });

    it('refuses what waits still after the time', async () => {
      fillWindow();
      const waits = reason('waits');
      await sender.drain(20);
      expect(await waits).toBe('it did not take all within 20 ms, and the backplane closes');
    });

    it('gives up when Redis is silent, or lost', async () => {
      sender.close();
      sender = new RedisSender({
        clients: { ownsCommands: false } as RedisClients,
        downReason: () => downReason,
        answerTimeoutMs: 20,
      });
      fill(1);
      await sender.drain(60_000);
      await sender.drain(60_000);
      for (const { reject } of answers.splice(0)) reject(new Error('closed'));
      await sender.drain(60_000);
    });
  });

  it('makes no outbox forget its order', async () => {
    const append = async ({ id, bytes }: Append, ticket?: Ticket) => {
      if (!(await send(id, bytes.length, { ticket }))) throw new BackplaneUnavailableError('full');
      return { epoch: 'e', offset: 1, duplicate: false };
    };
    const outbox = new Outbox({ append });
    outbox.open();
    fillWindow();
    fill(100, 10 * KIB - OVERHEAD);
    const sent = [300 * KIB, KIB].map((bytes, at) =>
      outbox.send(
        {
          channel: 'r',
          id: `${at}`,
          bytes: Buffer.alloc(bytes),
          limits: { size: 10, ttlMs: 1_000, metaTtlMs: 10_000 },
          idempotencyTtlMs: 60_000,
        },
        { waits: true, timeoutMs: undefined },
      ),
    );
    await nextTurn();
    expect([outbox.depth, left]).toEqual([2, []]);
    for (let n = 0; n < 10; n++) await answer(AHEAD);
    left.length = 0;
    outbox.open();
    expect(left).toEqual(['0', '1']);
    await answer(2);
    expect(await Promise.all(sent)).toHaveLength(2);
    outbox.close();
  });
});

async function microtasks(): Promise<void> {
  for (let n = 0; n < 10; n++) await Promise.resolve();
}
