import { beforeEach, describe, expect, it } from '@jest/globals';
import { Outbox } from '../../../lib/cluster/continuity/outbox.js';
import { BackplaneUnavailableError } from '../../../lib/errors/backplane-unavailable.error.js';
import type { Append } from '../../../lib/transport/logs.js';
import type { RedisClients } from '../../../lib/transport/redis/redis-clients.js';
import { RedisSender } from '../../../lib/transport/redis/redis-sender.js';
import { nextTurn } from '../../support/wait-for.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** As lib/transport/redis/redis-sender.ts states them. */
const MAX_BYTES = 16 * MIB;
const MAX_MESSAGES = 32_768;

describe('The sender of Redis', () => {
  let sender: RedisSender;
  let answers: (() => void)[];
  const left: string[] = [];

  /** Resolves with whether it left. */
  const send = (name: string, bytes: number): Promise<boolean> =>
    sender
      .send(
        bytes,
        () => {
          left.push(name);
          return new Promise<void>((resolve) => answers.push(resolve));
        },
        (error) => new BackplaneUnavailableError(error.message),
      )
      .then(
        () => true,
        () => false,
      );
  const answer = async (count: number): Promise<void> => {
    for (const resolve of answers.splice(0, count)) resolve();
    await nextTurn();
  };
  const fill = (count: number, bytes: number): void => {
    for (let n = 0; n < count; n++) void send('filler', bytes);
    left.length = 0;
  };

  beforeEach(() => {
    sender = new RedisSender({ ownsCommands: false } as RedisClients, () => undefined);
    answers = [];
    left.length = 0;
  });

  it('refuses all that comes behind what was refused, until half of the bytes are answered for', async () => {
    fill(16, MIB - 6 * KIB);
    expect(await send('large', 300 * KIB)).toBe(false);
    expect(await send('small', 1)).toBe(false);
    await answer(7);
    expect(await send('small', 1)).toBe(false);
    await answer(1);
    void send('large', 300 * KIB);
    void send('small', 1);
    expect(left).toEqual(['large', 'small']);
  });

  it('does so until half of the messages are answered for', async () => {
    fill(MAX_MESSAGES, 1);
    expect(await send('one', 1)).toBe(false);
    await answer(MAX_MESSAGES / 2 - 1);
    expect(await send('one', 1)).toBe(false);
    await answer(1);
    void send('one', 1);
    expect(left).toEqual(['one']);
  });

  it('takes all that there is room for while it has refused nothing', () => {
    fill(15, MIB);
    void send('the last of them', MIB);
    expect(left).toEqual(['the last of them']);
  });

  it('lets a message that is larger than the limit leave alone', async () => {
    fill(1, 1);
    expect(await send('huge', MAX_BYTES + 1)).toBe(false);
    // There is much room: others are not held up by it.
    void send('small', 1);
    await answer(2);
    void send('huge', MAX_BYTES + 1);
    expect(left).toEqual(['small', 'huge']);
    expect(await send('small', 1)).toBe(false);
    await answer(1);
    void send('small', 1);
    expect(left).toEqual(['small', 'huge', 'small']);
  });

  it('makes no outbox forget its order', async () => {
    const append = async ({ id, bytes }: Append) => {
      if (!(await send(id, bytes.length))) throw new BackplaneUnavailableError('full');
      return { epoch: 'e', offset: 1, duplicate: false };
    };
    const outbox = new Outbox({ append });
    outbox.open();
    fill(16, MIB - 6 * KIB);
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
    await answer(16);
    outbox.open();
    expect(left).toEqual(['0', '1']);
    await answer(2);
    expect(await Promise.all(sent)).toHaveLength(2);
    outbox.close();
  });
});
