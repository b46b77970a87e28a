import { expect, it } from '@jest/globals';
import { connect, createServer, type Socket } from 'node:net';
import { BackplaneUnavailableError, createBackplane } from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { freePort } from '../support/free-port.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { Instance, ownKey, reaches } from './fixtures/instance.js';

describeWithRedis('Redis at boot', () => {
  guardProcess();
  const track = closeAfterEach();

  it('is not there, and comes later', async () => {
    const port = await freePort();
    const eventKeys = ownKey();
    const redis = `redis://127.0.0.1:${port}`;
    const log = new LogCapture();
    const booting = performance.now();
    const a = track(await Instance.boot({ redis, eventKeys }, log));
    const b = track(await Instance.boot({ redis, eventKeys }, log));
    expect(performance.now() - booting).toBeLessThan(4_000);
    for (const instance of [a, b]) expect(instance.statuses()).toEqual(['degraded']);
    const [near, far] = [track(await a.connect('room')), track(await b.connect('room'))];
    a.server.to('room').emit('alone');
    await near.nextEvent('alone');
    await expect(a.server.to('room').publish('lost')).rejects.toThrow(BackplaneUnavailableError);

    track(await RedisServer.start({ port }));
    await Promise.all([a.awaitStatus('ready'), b.awaitStatus('ready')]);
    await reaches(a, 'room', far);
    await reaches(b, 'room', near);
    expect(a.complaints).toEqual([a, b].map(() => expect.stringMatching(/^warn: .*ECONNREFUSED/)));
    expect(a.returns).toHaveLength(2);
    for (const instance of [a, b]) expect(instance.statuses()).toEqual(['degraded', 'ready']);
  }, 20_000);

  it('closes one connection, which is made good while the other is still on its way', async () => {
    const redis = track(await RedisServer.start());
    const sockets: Socket[] = [];
    const front = createServer((socket) => {
      const count = sockets.push(socket.on('error', () => {}));
      if (count === 1) return socket.destroy();
      setTimeout(
        () => {
          const server = connect(redis.port, '127.0.0.1').on('error', () => {});
          socket.pipe(server).pipe(socket);
        },
        count === 2 ? 700 : 0,
      );
    });
    const port = await freePort();
    await new Promise<void>((resolve) => front.listen(port, '127.0.0.1', resolve));
    track({
      dispose: () => {
        for (const socket of sockets) socket.destroy();
        front.close();
      },
    });
    const a = track(
      await Instance.boot({ redis: `redis://127.0.0.1:${port}`, eventKeys: ownKey() }),
    );
    await a.awaitStatus('ready', 5_000);
    const client = track(await a.connect('room'));
    await reaches(a, 'room', client);
  }, 20_000);

  it('accepts and never answers: the boot goes on without it, and it comes later', async () => {
    const redis = track(await RedisServer.start());
    const proxy = track(await TcpProxy.start(redis.port));
    proxy.stall();
    const booting = performance.now();
    const a = track(
      await Instance.boot({
        redis: `redis://127.0.0.1:${proxy.port}`,
        eventKeys: ownKey(),
        commandTimeoutMs: 500,
      }),
    );
    expect(performance.now() - booting).toBeLessThan(3_000);
    expect(a.backplane.status).toBe('degraded');
    const client = track(await a.connect('room'));
    proxy.flow();
    await a.awaitStatus('ready');
    await reaches(a, 'room', client);
    expect(a.complaints).toHaveLength(1);
  }, 20_000);

  it('is required by failFast: the boot fails, soon and with the reason', async () => {
    const port = await freePort();
    const booting = performance.now();
    const boot = Instance.boot({
      redis: `redis://127.0.0.1:${port}`,
      eventKeys: ownKey(),
      failFast: true,
    });
    await expect(boot).rejects.toThrow(/cannot be reached at boot: .*ECONNREFUSED/);
    expect(performance.now() - booting).toBeLessThan(4_000);
  });

  it('is required by failFast, accepts, and never answers', async () => {
    const held = new Set<Socket>();
    const mute = createServer((socket) => held.add(socket.on('error', () => {})));
    const port = await freePort();
    await new Promise<void>((resolve) => mute.listen(port, '127.0.0.1', resolve));
    track({
      dispose: () => {
        for (const socket of held) socket.destroy();
        return new Promise((resolve) => mute.close(resolve));
      },
    });
    const booting = performance.now();
    const backplane = createBackplane({
      redis: `redis://127.0.0.1:${port}`,
      eventKeys: ownKey(),
      failFast: true,
      commandTimeoutMs: 500,
    });
    await expect(backplane).rejects.toThrow(BackplaneUnavailableError);
    expect(performance.now() - booting).toBeLessThan(4_000);
    // Nothing of it stays behind.
    await Promise.all(
      [...held].map((socket) => new Promise((resolve) => socket.once('close', resolve).resume())),
    );
  });

  it('is required by failFast, and there', async () => {
    const redis = track(await RedisServer.start());
    const a = track(await Instance.boot({ redis: redis.url, eventKeys: ownKey(), failFast: true }));
    expect(a.backplane.status).toBe('ready');
  });
});
