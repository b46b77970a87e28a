import { expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { BackplaneUnavailableError } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches, report } from './fixtures/instance.js';

const COMMAND_TIMEOUT_MS = 500;
const SILENT_LOSS_BOUND_MS = 3_000 + COMMAND_TIMEOUT_MS + 1_000;
/** From the loss: noticed, proved again in vain, made anew. */
const MENDED_MS = 3_000 + 3 * COMMAND_TIMEOUT_MS + 2_500;

describeWithRedis('A link that looks healthy', () => {
  guardProcess();
  const track = closeAfterEach();

  it('delivers nothing: the subscriber is deaf', async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    const eventKeys = ownKey();
    // A client of the app's carries the commands; the subscriber, its duplicate, goes through the
    // proxy.
    const commands = redis.client();
    const { port } = proxy;
    commands.duplicate = (override) => new Redis({ ...commands.options, ...override, port });
    const a = track(
      await Instance.boot({ redis: commands, eventKeys, commandTimeoutMs: COMMAND_TIMEOUT_MS }),
    );
    const b = track(await Instance.boot({ redis: redis.url, eventKeys }, a.log));
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const client = track(await a.connect('room'));
    await reaches(b, 'room', client);
    expect(proxy.connections).toBe(1);

    const stalled = performance.now();
    proxy.stall('toClient');
    const noticed = await a.awaitStatus('degraded');
    expect(noticed - stalled).toBeLessThan(SILENT_LOSS_BOUND_MS);
    // The next connection is a good one; what the old one holds back stays there.
    await waitFor(
      'the deaf connection to be given up',
      () => proxy.connections === 0 || proxy.accepted > 1,
      MENDED_MS,
    );
    proxy.flow();
    const ready = await a.awaitStatus('ready', MENDED_MS);
    report(
      `deaf subscriber: noticed after ${(noticed - stalled).toFixed()} ms, mended after ${(ready - stalled).toFixed()} ms`,
    );
    await reaches(b, 'room', client);
    await reaches(a, 'room', client);
    expect(a.complaints).toEqual([expect.stringContaining('no message came back through Redis')]);
    expect(a.returns).toHaveLength(1);
    expect(commands.status).toBe('ready');
  }, 30_000);

  it('takes commands and forwards none of them', async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    const eventKeys = ownKey();
    const a = track(
      await Instance.boot({
        redis: { port: proxy.port, host: '127.0.0.1' },
        eventKeys,
        commandTimeoutMs: COMMAND_TIMEOUT_MS,
      }),
    );
    const b = track(await Instance.boot({ redis: redis.url, eventKeys }, a.log));
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    const [near, far] = [track(await a.connect('room')), track(await b.connect('room'))];

    const stalled = performance.now();
    proxy.stall('toServer');
    const noticed = await a.awaitStatus('degraded');
    expect(noticed - stalled).toBeLessThan(SILENT_LOSS_BOUND_MS);
    await expect(a.server.to('room').publish('lost')).rejects.toThrow(BackplaneUnavailableError);
    a.server.to('room').emit('late');
    await near.nextEvent('late');
    await waitFor('other connections', () => proxy.accepted >= 4, MENDED_MS);
    // The old connections never flow again: a network that has forgotten them.
    proxy.cut();
    proxy.flow();
    const ready = await a.awaitStatus('ready', MENDED_MS);
    report(
      `half-open connections: noticed after ${(noticed - stalled).toFixed()} ms, mended after ${(ready - stalled).toFixed()} ms`,
    );
    await far.nextEvent('late');
    // Redis's answer to the message may come after the message itself.
    await waitFor('the answer', () => a.backplane.stats().resent > 0);
    expect(a.backplane.stats()).toMatchObject({ unsent: 0, resent: 1 });
    await reaches(a, 'room', far);
    await reaches(b, 'room', near);
    expect(a.complaints).toHaveLength(1);
    expect(far.received).not.toContainEqual(expect.objectContaining({ event: 'lost' }));
  }, 30_000);

  it('is accepted by something that never says a word', async () => {
    const redis = track(await RedisServer.start());
    const eventKeys = ownKey();
    const a = track(await Instance.boot({ redis: redis.url, eventKeys, commandTimeoutMs: 500 }));
    await a.awaitStatus('ready');
    const client = track(await a.connect('room'));
    await redis.kill();
    await a.awaitStatus('degraded');

    // On Redis's port: it accepts both connections, keeps them, and never answers. Then Redis is
    // there again, for others.
    const trapped = new Set<Socket>();
    const trap = createServer((socket) => trapped.add(socket.on('error', () => {})));
    track({
      dispose: () => {
        for (const socket of trapped) socket.destroy();
        trap.close();
      },
    });
    trap.listen(redis.port, '127.0.0.1');
    await once(trap, 'listening');
    await waitFor('both connections in the trap', () => trapped.size >= 2, 10_000);
    const started = performance.now();
    trap.close();
    await redis.restart();
    const ready = await a.awaitStatus('ready', 15_000);
    report(`mute handshake: mended after ${(ready - started).toFixed()} ms`);
    await reaches(a, 'room', client);
    expect(a.complaints).toHaveLength(1);
  }, 40_000);
});
