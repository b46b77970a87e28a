import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Outbox, type OutboxOptions } from '../../../../lib/cluster/history/publishing/outbox.js';
import { BackplaneClosedError } from '../../../../lib/errors/backplane-closed.error.js';
import { BackplaneNotReplicatedError } from '../../../../lib/errors/backplane-not-replicated.error.js';
import { BackplaneRefusedError } from '../../../../lib/errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../../../lib/errors/backplane-unavailable.error.js';
import type { Append, Appended } from '../../../../lib/transport/logs.js';

const KEPT: OutboxOptions = { waits: true, timeoutMs: undefined };
const ID_TTL_MS = 60_000;

const message = (id: string, bytes = 10, channel = 'c'): Append => ({
  channel,
  id,
  bytes: Buffer.alloc(bytes),
  limits: { size: 10, ttlMs: 1_000, metaTtlMs: 10_000 },
  idempotencyTtlMs: ID_TTL_MS,
});

/** Logs that do as they are told, when they are told to. */
class ToldLogs {
  readonly asked: string[] = [];
  readonly #open: { resolve: (appended: Appended) => void; reject: (error: Error) => void }[] = [];

  append({ id }: Append): Promise<Appended> {
    this.asked.push(id);
    return new Promise((resolve, reject) => this.#open.push({ resolve, reject }));
  }

  async take(offset = 1, duplicate = false): Promise<void> {
    this.#open.shift()!.resolve({ epoch: 'e', offset, duplicate });
    await settled();
  }

  async takeLast(offset: number): Promise<void> {
    this.#open.pop()!.resolve({ epoch: 'e', offset, duplicate: false });
    await settled();
  }

  /** The oldest that is under way, alone. */
  async failFirst(error: Error = new BackplaneUnavailableError('NOREPLICAS')): Promise<void> {
    this.#open.shift()!.reject(error);
    await settled();
  }

  /** All that is under way. */
  async fail(error: Error = new BackplaneUnavailableError('away')): Promise<void> {
    for (const { reject } of this.#open.splice(0)) reject(error);
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await Promise.resolve();
}

describe('the outbox', () => {
  let logs: ToldLogs;
  let outbox: Outbox;
  const fates: string[] = [];

  const send = (id: string, options = KEPT, bytes?: number, channel?: string): void => {
    outbox.send(message(id, bytes, channel), options).then(
      ({ offset }) => fates.push(`${id} at ${offset}`),
      (error: Error) => fates.push(`${id} ${error.name}: ${error.message}`),
    );
  };

  beforeEach(() => {
    jest.useFakeTimers();
    logs = new ToldLogs();
    outbox = new Outbox(logs);
    fates.length = 0;
  });

  afterEach(() => {
    outbox.close();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('sends at once while Redis is there', async () => {
    outbox.open();
    send('a');
    send('b');
    expect(logs.asked).toEqual(['a', 'b']);
    await logs.take(7);
    expect(fates).toEqual(['a at 7']);
  });

  it('keeps what comes while Redis is away, and sends it in its order', async () => {
    for (const id of ['a', 'b', 'c']) send(id);
    expect([outbox.depth, logs.asked]).toEqual([3, []]);
    outbox.open();
    expect([outbox.depth, logs.asked]).toEqual([0, ['a', 'b', 'c']]);
  });

  it('lets all wait, in its order, while the way is prepared', async () => {
    send('a');
    outbox.prepare();
    send('b', { waits: false, timeoutMs: 2_000 });
    expect([outbox.depth, logs.asked]).toEqual([2, []]);
    outbox.open();
    expect(logs.asked).toEqual(['a', 'b']);
    await logs.take(1);
    await logs.take(2);
    expect(fates).toEqual(['a at 1', 'b at 2']);
  });

  it('sends what was under way when the link was cut before what came since', async () => {
    outbox.open();
    send('a');
    send('b');
    outbox.suspend();
    send('c');
    await logs.fail();
    outbox.open();
    expect(logs.asked).toEqual(['a', 'b', 'a', 'b', 'c']);
  });

  it('lets nothing overtake what waits for its next try', async () => {
    outbox.open();
    send('a');
    await logs.fail();
    send('b');
    expect(logs.asked).toEqual(['a']);
    jest.advanceTimersByTime(100);
    expect(logs.asked).toEqual(['a', 'a', 'b']);
  });

  it('rejects what a later message to its channel has overtaken, and nothing else', async () => {
    outbox.open();
    for (const id of ['a', 'b', 'c', 'd']) send(id);
    send('x', KEPT, 10, 'other');
    await logs.failFirst();
    await logs.failFirst();
    expect(outbox.depth).toBe(2);
    await logs.take(1);
    const overtaken = expect.stringMatching(/Error: A later message .* was taken before this one/);
    expect([outbox.depth, fates]).toEqual([0, [overtaken, overtaken, 'c at 1']]);
    await logs.failFirst();
    await logs.failFirst();
    jest.advanceTimersByTime(100);
    expect(logs.asked.slice(5)).toEqual(['d', 'x']);
    await logs.take(2);
    await logs.take(1);
    expect(fates.slice(3)).toEqual(['d at 2', 'x at 1']);
  });

  it('rejects what it learns only then to have been overtaken', async () => {
    outbox.open();
    send('a');
    send('b');
    await logs.takeLast(1);
    await logs.failFirst();
    expect(fates).toEqual(['b at 1', expect.stringMatching(/^a .*taken before this one/)]);
    // Nothing is kept of what was taken.
    send('c');
    await logs.fail();
    expect(outbox.depth).toBe(1);
  });

  it('counts as taken what is in the log, but on no replica', async () => {
    outbox.open();
    send('a');
    send('b');
    await logs.failFirst();
    await logs.failFirst(new BackplaneNotReplicatedError('no replica'));
    expect(fates[0]).toMatch(/^a .*taken before this one/);
  });

  it('is not overtaken by what the app had sent under that id before', async () => {
    outbox.open();
    send('a');
    send('b');
    await logs.failFirst();
    await logs.take(1, true);
    jest.advanceTimersByTime(100);
    expect(logs.asked).toEqual(['a', 'b', 'a']);
  });

  it('tries nothing again while a later message to its channel may yet be taken', async () => {
    outbox.open();
    send('a');
    send('b');
    send('x', KEPT, 10, 'other');
    await logs.failFirst();
    jest.advanceTimersByTime(1_000);
    send('c');
    expect(logs.asked).toEqual(['a', 'b', 'x']);
    await logs.failFirst();
    jest.advanceTimersByTime(200);
    expect(logs.asked.slice(3)).toEqual(['a', 'b', 'c']);
  });

  it('goes on as soon as it is known that it was overtaken', async () => {
    outbox.open();
    send('a');
    send('b');
    await logs.failFirst();
    jest.advanceTimersByTime(1_000);
    send('c');
    await logs.take(1);
    expect(fates).toEqual([expect.stringMatching(/^a .*taken before/), 'b at 1']);
    expect(logs.asked).toEqual(['a', 'b', 'c']);
  });

  it('tries ever less often', async () => {
    outbox.open();
    send('a');
    const tries: number[] = [];
    for (let ms = 0; ms < 8_000; ms += 100) {
      const before = logs.asked.length;
      await logs.fail();
      jest.advanceTimersByTime(100);
      if (logs.asked.length > before) tries.push(ms + 100);
    }
    expect(tries).toEqual([100, 300, 700, 1_500, 3_100, 5_100, 7_100]);
  });

  it('gives a refusal back at once, and does not try again', async () => {
    outbox.open();
    send('a');
    await logs.fail(new BackplaneRefusedError('out of memory'));
    send('b');
    await logs.fail(new BackplaneNotReplicatedError('no replica'));
    expect(fates).toEqual([
      'a BackplaneRefusedError: out of memory',
      'b BackplaneNotReplicatedError: no replica',
    ]);
    expect(logs.asked).toEqual(['a', 'b']);
  });

  it('refuses at once what may not wait while Redis is away', async () => {
    send('a', { waits: false, timeoutMs: 2_000 });
    await settled();
    expect(fates[0]).toMatch(/^a BackplaneUnavailableError: Redis is away, so the message was not/);
    expect(logs.asked).toEqual([]);
  });

  it('does not try again what may not wait', async () => {
    outbox.open();
    send('a', { waits: false, timeoutMs: 2_000 });
    await logs.fail();
    expect(fates).toEqual(['a BackplaneUnavailableError: away']);
  });

  it('rejects at the deadline, and says whether the message may have left', async () => {
    outbox.open();
    send('a', { waits: false, timeoutMs: 2_000 });
    jest.advanceTimersByTime(2_001);
    await settled();
    expect(fates[0]).toMatch(/did not confirm the message within 2000 ms; it may still leave/);
    await logs.take();
    expect(fates).toHaveLength(1);
  });

  it('takes back what its deadline finds still waiting', async () => {
    outbox.open();
    send('a');
    await logs.fail();
    send('b', { waits: false, timeoutMs: 50 });
    expect(outbox.depth).toBe(2);
    jest.advanceTimersByTime(50);
    await settled();
    expect(fates[0]).toMatch(/within 50 ms; it was not sent/);
    jest.advanceTimersByTime(50);
    expect(logs.asked).toEqual(['a', 'a']);
  });

  it('keeps a bounded number of messages', async () => {
    for (let n = 0; n < 1_000; n++) send(`${n}`);
    send('too many');
    await settled();
    expect(outbox.depth).toBe(1_000);
    expect(fates).toEqual([
      expect.stringMatching(/^too many .*the outbox is full \(1000 messages/),
    ]);
  });

  it('keeps a bounded number of bytes', async () => {
    send('a', KEPT, 1024 * 1024);
    send('b', KEPT, 1);
    await settled();
    expect(fates).toEqual([expect.stringMatching(/^b .*the outbox is full/)]);
    outbox.open();
    outbox.suspend();
    send('c', KEPT, 1);
    expect(outbox.depth).toBe(1);
  });

  it('does not send again what was tried so long ago that its id may be forgotten', async () => {
    outbox.open();
    send('a');
    await logs.fail();
    outbox.suspend();
    send('b');
    jest.advanceTimersByTime(ID_TTL_MS);
    outbox.open();
    await settled();
    expect(fates).toEqual([expect.stringMatching(/^a .*it may have left before/)]);
    expect(logs.asked).toEqual(['a', 'b']);
  });

  it('rejects what waits when it is closed, and what comes after', async () => {
    send('a');
    outbox.close();
    send('b');
    await settled();
    const { message: closed } = new BackplaneClosedError();
    expect(fates).toEqual([
      `a BackplaneClosedError: ${closed}`,
      `b BackplaneClosedError: ${closed}`,
    ]);
  });
});
