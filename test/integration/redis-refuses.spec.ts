import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  type Backplane,
  BackplaneClosedError,
  BackplaneConfigError,
  BackplaneUnavailableError,
  createBackplane,
  type RedisBackplaneOptions,
} from 'nestjs-redis-backplane';
import { closeAfterEach } from '../support/cleanup.js';
import { freePort } from '../support/free-port.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { DEADLINE_MS, uniqueKey } from './fixtures/backends.js';
import { Instance } from './fixtures/instance.js';

const PASSWORD = 'hunter2 of the test';

describeWithRedis('A Redis that cannot be used at boot', () => {
  guardProcess();
  const track = closeAfterEach();
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start({ password: PASSWORD });
  });
  afterAll(() => server.stop());

  const options = (redis: RedisBackplaneOptions['redis']): RedisBackplaneOptions => ({
    redis,
    eventKeys: [uniqueKey()],
  });

  const urlWith = (change: (url: URL) => void): string => {
    const url = new URL(server.url);
    change(url);
    return url.href;
  };

  const misconfigured: [string, () => RedisBackplaneOptions['redis'], RegExp][] = [
    [
      'a wrong password',
      () => ({ host: server.host, port: server.port, password: `not ${PASSWORD}` }),
      /refused the credentials.*"password" of the "redis" option/,
    ],
    [
      'a wrong password in the URL',
      () => urlWith((url) => (url.password = `not ${PASSWORD}`)),
      /refused the credentials/,
    ],
    [
      'no password',
      () => ({ host: server.host, port: server.port }),
      /refused the credentials.*"password" of the "redis" option/,
    ],
    [
      'a wrong user',
      () => urlWith((url) => (url.username = 'nobody')),
      /refused the credentials.*"username"/,
    ],
    [
      'a database that is not there',
      () => ({ host: server.host, port: server.port, password: PASSWORD, db: 99 }),
      /no such database.*"db" of the "redis" option/,
    ],
    [
      'a database in the URL that is not there',
      () => urlWith((url) => (url.pathname = '/99')),
      /no such database/,
    ],
  ];

  it.each(misconfigured)('for %s fails the boot', async (_, redis, message) => {
    for (const failFast of [false, true]) {
      const log = new LogCapture();
      const booting = Instance.boot({ log, backplane: { ...options(redis()), failFast } });
      const error = await booting.then(track, (thrown: Error) => thrown);
      expect(error).toBeInstanceOf(BackplaneConfigError);
      expect((error as Error).message).toMatch(message);
      expect(`${(error as Error).message} ${log.lines.join()}`).not.toContain(PASSWORD);
    }
    // Nothing goes on trying.
    const clients = String(await server.cli('client', 'list'));
    expect(clients.trim().split('\n')).toHaveLength(1);
  });

  const degraded: [string, () => Promise<RedisBackplaneOptions['redis']>, RegExp][] = [
    ['nobody listens', async () => ({ port: await freePort() }), /ECONNREFUSED/],
    [
      'there is no such host',
      async () => ({ host: 'no-such-host.invalid' }),
      // Or the resolver takes longer than the boot waits.
      /ENOTFOUND|EAI_AGAIN|no answer within/,
    ],
    [
      'TLS is spoken to a plain port',
      async () => ({ host: server.host, port: server.port, tls: {} }),
      /does that port speak TLS\? Check "tls" of the "redis" option/,
    ],
    [
      'TLS is spoken to a plain port, by URL',
      async () => urlWith((url) => (url.href = url.href.replace('redis:', 'rediss:'))),
      /does that port speak TLS\?.*rediss:\/\/ against redis:\/\//,
    ],
  ];

  const disposable = (backplane: Backplane) => ({ dispose: () => backplane.close() });

  it.each(degraded)(
    'because %s leaves it degraded: it serves its own',
    async (_, redis, reason) => {
      const log = new LogCapture();
      const where = options(await redis());
      const instance = track(await Instance.boot({ log, backplane: where, degraded: true }));
      expect(instance.backplane.status).toBe('degraded');
      const warnings = log.lines.filter((line) => line.startsWith('WARN'));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(reason);
      expect(warnings[0]).not.toContain(PASSWORD);

      const peer = track(await instance.connect({ user: 'u', rooms: ['r'] }));
      instance.server.to('r').emit('said', 1);
      instance.server.toUser('u').emit('said', 2);
      const publishing = instance.server.to('r').publish('said', 3);
      await expect(publishing).rejects.toBeInstanceOf(BackplaneUnavailableError);
      expect(await peer.ws.frames(3)).toEqual([1, 2, 3].map((data) => ({ event: 'said', data })));
      expect(instance.backplane.stats()).toMatchObject({ emitted: 3, unsent: 0, liveWaiting: 2 });

      const failFast = await createBackplane({ ...where, failFast: true }).then(
        (made) => track(disposable(made)),
        (thrown: Error) => thrown,
      );
      expect(failFast).toBeInstanceOf(BackplaneUnavailableError);
      expect((failFast as Error).message).toMatch(/cannot be reached at boot/);
      expect((failFast as Error).message).toMatch(reason);
      expect(log.lines.filter((line) => line.startsWith('ERROR'))).toEqual([]);
    },
  );

  it(
    'is found when it comes, and what was joined before is heard then',
    async () => {
      const port = await freePort();
      const where = { ...options({ host: '127.0.0.1', port }) };
      const log = new LogCapture();
      const [one, two] = await Promise.all(
        [1, 2].map(async () =>
          track(await Instance.boot({ log, backplane: where, degraded: true })),
        ),
      );
      const peer = track(await one!.connect({ user: 'u', rooms: ['r'] }));
      const states: string[] = [];
      one!.backplane.on('status', (status) => states.push(status));
      const later = track(await RedisServer.start({ port }));
      await Promise.all([one, two].map((instance) => instance!.backplane.ready()));
      two!.server.to('r').emit('said', 1);
      two!.server.toUser('u').emit('said', 2);
      await two!.server.publish('said', 3);
      expect(await peer.ws.frames(3)).toEqual([1, 2, 3].map((data) => ({ event: 'said', data })));
      expect(states).toEqual(['ready']);
      expect(log.matching(/link to the other instances is back/)).toHaveLength(2);
      expect(later.port).toBe(port);
    },
    DEADLINE_MS,
  );

  it('gives up waiting when it is closed', async () => {
    const backplane = await createBackplane(options({ port: await freePort() }));
    const waiting = backplane.ready();
    await Promise.all([backplane.close(), backplane.close()]);
    await expect(waiting).rejects.toBeInstanceOf(BackplaneClosedError);
    await expect(backplane.ready()).rejects.toBeInstanceOf(BackplaneClosedError);
    await expect(backplane.publish('x')).rejects.toBeInstanceOf(BackplaneClosedError);
    expect(backplane.status).toBe('closed');
    backplane.emit('x');
  });
});
