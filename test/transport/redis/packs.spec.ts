import { beforeEach, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { BackplaneRefusedError } from '../../../lib/errors/backplane-refused.error.js';
import { RedisTransport } from '../../../lib/transport/redis/redis.transport.js';
import { closeAfterEach } from '../../support/cleanup.js';
import { describeWithRedis, RedisServer } from '../../support/redis-server.js';
import { sourceOf } from '../../support/redis-source.js';
import { waitFor } from '../../support/wait-for.js';
import { Recorder } from '../recorder.js';

/** Far more than ioredis is given ahead. */
const MANY = 10_000;
const AHEAD = 2_000;

describeWithRedis('Of many messages in one turn,', () => {
  const track = closeAfterEach();
  let redis: RedisServer;
  let operator: Redis;

  beforeEach(async () => {
    redis = track(await RedisServer.start());
    operator = redis.client();
    await operator.call('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', '~*', '&*');
  });

  const start = async (): Promise<Recorder> => {
    const url = `redis://app:secret@127.0.0.1:${redis.port}`;
    const recorder = track(new Recorder(new RedisTransport(sourceOf(url))));
    await recorder.start();
    return recorder;
  };
  const callsOf = async (command: string): Promise<number> => {
    const stats = await operator.info('commandstats');
    return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
  };
  /** By turns to two channels. */
  const publishMany = ({ transport }: Recorder, length = 1) =>
    Array.from({ length: MANY }, (_, i) => {
      const text = `${i} `.padEnd(length, 'x');
      return transport.publish(i % 2 === 0 ? 'even' : 'odd', Buffer.from(text));
    });
  const numbersOf = ({ texts }: Recorder) => texts.map((text) => Number(text.split(' ')[1]));
  const IN_ORDER = Array.from({ length: MANY }, (_, i) => i);

  it('those that wait leave by far fewer commands, and come in the order of the calls', async () => {
    const recorder = await start();
    await recorder.transport.subscribe(['even', 'odd']);
    await Promise.all(publishMany(recorder));
    await recorder.count(MANY);
    expect(numbersOf(recorder)).toEqual(IN_ORDER);
    // As EVAL counts them too that its script makes.
    expect(await callsOf('publish')).toBe(MANY);
    expect(await callsOf('eval')).toBeGreaterThan(0);
    expect(await callsOf('eval')).toBeLessThan((MANY - AHEAD) / 50);
  });

  it('large ones leave alone', async () => {
    const recorder = await start();
    await recorder.transport.subscribe(['even', 'odd']);
    await Promise.all(publishMany(recorder, 3_000));
    await recorder.count(MANY);
    expect(numbersOf(recorder)).toEqual(IN_ORDER);
    expect(await callsOf('eval')).toBe(0);
  });

  it('all leave alone where Redis permits no script, and nothing is lost', async () => {
    await operator.call('ACL', 'SETUSER', 'app', '-eval');
    const recorder = await start();
    await recorder.transport.subscribe(['even', 'odd']);
    await Promise.all(publishMany(recorder));
    await recorder.count(MANY);
    expect(numbersOf(recorder)).toEqual(IN_ORDER);
  });

  it('those of a pack reject that are not carried out, as scripts are not permitted any more, and the next leave alone', async () => {
    const recorder = await start();
    await recorder.transport.subscribe(['even', 'odd']);
    await Promise.all(publishMany(recorder));
    await operator.call('ACL', 'SETUSER', 'app', '-eval');
    const outcomes = await Promise.allSettled(publishMany(recorder));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) {
      expect(reason).toMatchObject({
        code: 'BACKPLANE_UNAVAILABLE',
        message: expect.stringContaining("no permissions to run the 'eval' command") as unknown,
      });
    }
    await Promise.all(publishMany(recorder));
    await recorder.count(3 * MANY - refused.length);
    expect(numbersOf(recorder).slice(-MANY)).toEqual(IN_ORDER);
  });

  it('those reject that Redis refuses, in its own words, and the others of their pack arrive', async () => {
    const recorder = await start();
    await recorder.transport.subscribe(['even', 'odd']);
    await operator.call('ACL', 'SETUSER', 'app', 'resetchannels', '&even');
    await waitFor('the subscriber to be back', () => recorder.downsAtLastUp > 0);
    await recorder.transport.subscribe(['even']);
    const outcomes = await Promise.allSettled(publishMany(recorder));
    const odd = outcomes.filter((_, i) => i % 2 === 1);
    expect(new Set(odd.map(({ status }) => status))).toEqual(new Set(['rejected']));
    const { reason } = odd.at(-1) as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(BackplaneRefusedError);
    expect((reason as Error).message).toMatch(/can't publish to the channel|access/);
    await recorder.count(MANY / 2);
    expect(numbersOf(recorder)).toEqual(IN_ORDER.filter((i) => i % 2 === 0));
  });
});
