import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RedisTransport } from '../../lib/transport/redis/redis.transport.js';
import { closeAfterEach } from '../support/cleanup.js';
import { freePort } from '../support/free-port.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { sourceOf } from '../support/redis-source.js';
import { waitFor } from '../support/wait-for.js';
import { Instance, ownKey, reaches } from './fixtures/instance.js';

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../support/tls/${name}.pem`, import.meta.url));
const CERT = readFileSync(pathOf('cert'));

describeWithRedis('A port that speaks TLS', () => {
  guardProcess();
  const track = closeAfterEach();

  async function startTls(...args: string[]): Promise<{ redis: RedisServer; tlsPort: number }> {
    const tlsPort = await freePort();
    const redis = track(
      await RedisServer.start({
        args: [
          `--tls-port ${tlsPort} --tls-auth-clients no`,
          `--tls-cert-file ${pathOf('cert')} --tls-key-file ${pathOf('key')}`,
          `--tls-ca-cert-file ${pathOf('cert')}`,
        ]
          .join(' ')
          .split(' ')
          .concat(args),
      }),
    );
    return { redis, tlsPort };
  }
  const tls = { ca: CERT, servername: 'localhost' };
  const boot = async (redis: object | string) =>
    track(await Instance.boot({ redis, eventKeys: ownKey() }));

  it('is named as the reason when it is spoken to in plain text', async () => {
    const { tlsPort } = await startTls();
    const a = await boot(`redis://127.0.0.1:${tlsPort}`);
    expect(a.complaints).toEqual([expect.stringMatching(/^warn: .*does that port speak TLS\?/)]);
    expect(a.complaints.join()).not.toMatch(/maxclients/);
  });

  it('shows a certificate that is not trusted: the log names it', async () => {
    const { tlsPort } = await startTls();
    const a = await boot(`rediss://127.0.0.1:${tlsPort}`);
    expect(a.complaints).toEqual([
      expect.stringMatching(/^warn: .*self-signed certificate.*certificate was not accepted/),
    ]);
  });

  it('is left in the middle of the handshake: nothing ends the process', async () => {
    const { tlsPort } = await startTls();
    for (let ms = 0; ms < 40; ms++) {
      const transport = new RedisTransport(sourceOf(`rediss://127.0.0.1:${tlsPort}`));
      const starting = transport.start({ message: () => {}, up: () => {}, down: () => {} });
      await delay(ms / 2);
      await Promise.all([transport.close(), starting]);
    }
  }, 30_000);

  it('wants a certificate of the client: the log names it', async () => {
    const { tlsPort } = await startTls('--tls-auth-clients', 'yes');
    const a = await boot({ host: '127.0.0.1', port: tlsPort, tls });
    await waitFor('the reason', () =>
      a.complaints.some((line) => /did not accept the client's certificate/.test(line)),
    );
  });

  it('shows an expired certificate on the way back: the log names it, once', async () => {
    const { redis, tlsPort } = await startTls();
    const a = await boot({ host: '127.0.0.1', port: tlsPort, tls });
    await a.awaitStatus('ready');
    const client = track(await a.connect('room'));
    const operator = redis.client({ retryStrategy: () => null });
    await operator.config('SET', 'tls-cert-file', pathOf('expired-cert'));
    await operator.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await operator.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await a.awaitStatus('degraded');
    await waitFor('the reason', () => a.complaints.length === 2);
    expect(a.complaints[1]).toMatch(/^error: .*certificate.*certificate was not accepted/);
    await operator.config('SET', 'tls-cert-file', pathOf('cert'));
    await a.awaitStatus('ready');
    await reaches(a, 'room', client);
    expect(a.complaints).toHaveLength(2);
  }, 30_000);
});

describeWithRedis('A port that closes connections as soon as they are made', () => {
  guardProcess();
  const track = closeAfterEach();

  it('may be a proxy without a Redis: the log says so', async () => {
    const port = await freePort();
    const proxy = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
    track({ dispose: () => void proxy.close() });
    const a = track(
      await Instance.boot({ redis: `redis://127.0.0.1:${port}`, eventKeys: ownKey() }),
    );
    expect(a.complaints).toEqual([expect.stringMatching(/a proxy without a Redis/)]);
  });
});
