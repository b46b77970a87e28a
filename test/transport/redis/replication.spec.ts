import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { BackplaneNotReplicatedError } from '../../../lib/errors/backplane-not-replicated.error.js';
import { BackplaneRefusedError } from '../../../lib/errors/backplane-refused.error.js';
import { RedisTransport } from '../../../lib/transport/redis/redis.transport.js';
import { uniqueKey } from '../../integration/fixtures/backends.js';
import { sourceOf } from '../../support/redis-source.js';
import { closeAfterEach } from '../../support/cleanup.js';
import { guardProcess } from '../../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../../support/redis-server.js';
import { waitFor } from '../../support/wait-for.js';
import { append, entriesOf, publishedTo, textsOf } from '../log-conformance.js';
import { Recorder } from '../recorder.js';

describeWithRedis('With a replica,', () => {
  guardProcess();
  const track = closeAfterEach();
  let master: RedisServer;
  let replica: RedisServer;
  let operator: Redis;

  beforeAll(async () => {
    master = await RedisServer.start({ args: ['--repl-diskless-sync-delay', '0'] });
    replica = await RedisServer.start({ args: ['--replicaof', master.host, String(master.port)] });
    operator = master.client();
  });
  afterAll(async () => {
    await replica?.stop();
    await master?.stop();
  });
  beforeEach(async () => {
    replica.resume();
    await waitFor('the replica', async () => (await operator.wait(1, 50)) === 1, 20_000);
    await operator.config('RESETSTAT');
  });

  const start = async (): Promise<Recorder> => {
    const recorder = track(new Recorder(new RedisTransport(sourceOf(master.url))));
    expect(await recorder.start()).toBe(true);
    return recorder;
  };
  const waits = async () =>
    Number(/cmdstat_wait:calls=(\d+)/.exec(await operator.info('commandstats'))?.[1] ?? 0);
  const durable = { replicaTimeoutMs: 20_000 };

  it('an append resolves once it is there', async () => {
    const { transport } = await start();
    const channel = uniqueKey();
    for (let i = 1; i <= 20; i++) {
      const { offset } = await append(transport, channel, String(i), durable);
      expect(await replica.cli('hget', `top:${channel}`, 's')).toBe(String(offset));
    }
    expect(await waits()).toBe(20);
  });

  it('a client whose numbers are strings does not take none for one', async () => {
    const client = master.client({ stringNumbers: true });
    const recorder = track(new Recorder(new RedisTransport({ kind: 'client', client })));
    expect(await recorder.start()).toBe(true);
    const channel = uniqueKey();
    expect(await append(recorder.transport, channel, 'a', durable)).toMatchObject({ offset: 1 });
    replica.pause();
    const alone = append(recorder.transport, channel, 'b', { replicaTimeoutMs: 500 });
    await expect(alone).rejects.toBeInstanceOf(BackplaneNotReplicatedError);
    client.disconnect();
  });

  it('the appends of one turn share one WAIT', async () => {
    const { transport } = await start();
    const channel = uniqueKey();
    const sent = Array.from({ length: 100 }, (_, i) =>
      append(transport, channel, String(i), durable),
    );
    await Promise.all(sent);
    expect(await waits()).toBeLessThan(10);
    expect(await replica.cli('xlen', `log:${channel}`)).toBe(100);
  });

  it('others do not wait, and all take effect in the order of the calls', async () => {
    const [from, to] = [await start(), await start()];
    const channel = uniqueKey();
    await to.transport.subscribe([channel]);
    replica.pause();
    const slow = [0, 2].map((i) => append(from.transport, channel, `${i}`, durable));
    const quick = [1, 3].map((i) => append(from.transport, channel, `${i}`));
    await Promise.all(quick);
    await to.count(4);
    expect(textsOf(publishedTo(to))).toEqual(['0', '2', '1', '3']);
    let resolved = 0;
    for (const one of slow) void one.then(() => resolved++);
    await from.transport.publish(channel, Buffer.from('end'));
    await to.count(5);
    expect(resolved).toBe(0);
    replica.resume();
    expect((await Promise.all(slow)).map(({ offset }) => offset)).toEqual([1, 2]);
  });

  it('none in time is an error that says that the entry is there; the same id waits once more', async () => {
    const { transport } = await start();
    const channel = uniqueKey();
    replica.pause();
    const message = { id: 'same', replicaTimeoutMs: 50 };
    const error = await append(transport, channel, 'a', message).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BackplaneNotReplicatedError);
    expect(error).not.toBeInstanceOf(BackplaneRefusedError);
    expect(String(error)).toMatch(/is in the log, .* none had it within 50 ms\. .* the same id/);
    await expect(append(transport, channel, 'a', message)).rejects.toThrow('within 50 ms');
    replica.resume();
    const again = await append(transport, channel, 'a', { ...message, ...durable });
    expect(again).toMatchObject({ offset: 1, duplicate: true });
    expect(textsOf(await entriesOf(transport, channel))).toEqual(['a']);
  });

  it('another server, that knows nothing of the entry, cannot confirm it', async () => {
    const { transport } = await start();
    const channel = uniqueKey();
    replica.pause();
    const first = append(transport, channel, 'a', durable);
    await waitFor('the WAIT', async () => (await waits()) === 1);
    const second = append(transport, channel, 'b', { id: 'b', ...durable });
    second.catch(() => {});
    // What another server would not have.
    const forget = () => operator.del(`once:${channel}:b:1`);
    await waitFor('the append', async () => (await forget()) === 1);
    replica.resume();
    expect(await first).toMatchObject({ offset: 1 });
    await expect(second).rejects.toThrow('another server');
  });

  it('a connection that is lost while it waits is an error, and made anew', async () => {
    const { transport } = await start();
    const channel = uniqueKey();
    replica.pause();
    const lost = append(transport, channel, 'a', durable);
    lost.catch(() => {});
    const waiting = await waitFor('the WAIT', async () =>
      /id=(\d+) .*cmd=wait/.exec(String(await operator.call('CLIENT', 'LIST'))),
    );
    await operator.call('CLIENT', 'KILL', 'ID', waiting[1]!);
    await expect(lost).rejects.toThrow('the connection was closed');
    replica.resume();
    expect(await append(transport, channel, 'b', durable)).toMatchObject({ offset: 2 });
  });

  it('a WAIT that Redis leaves unanswered is given up', async () => {
    const { transport } = await start();
    const channel = uniqueKey();
    await append(transport, channel, 'a', durable);
    replica.pause();
    const asked = append(transport, channel, 'b', { replicaTimeoutMs: 1_500 });
    asked.catch(() => {});
    await waitFor('the WAIT', async () => (await waits()) === 2);
    master.pause();
    await expect(asked).rejects.toThrow('the connection was closed');
    master.resume();
  });

  it('closing ends what waits, and leaves no connection', async () => {
    const recorder = await start();
    const connections = async () => {
      const list = String(await operator.call('CLIENT', 'LIST', 'TYPE', 'normal'));
      return list.trim().split('\n').length;
    };
    const before = await connections();
    replica.pause();
    const asked = append(recorder.transport, uniqueKey(), 'a', durable);
    asked.catch(() => {});
    await waitFor('the WAIT', async () => (await waits()) === 1);
    expect(await connections()).toBe(before + 1);
    await recorder.transport.close();
    await expect(asked).rejects.toThrow('not known to be on a replica');
    await waitFor('the connections to go', async () => (await connections()) === 1);
  });

  it('nothing waits for a replica any more once it closes', async () => {
    const { transport } = await start();
    const channel = uniqueKey();
    const asked = append(transport, channel, 'a', durable);
    asked.catch(() => {});
    await transport.close();
    await expect(asked).rejects.toThrow('the transport is closed');
    expect(await operator.xlen(`log:${channel}`)).toBe(1);
    expect(await waits()).toBe(0);
  });
});
