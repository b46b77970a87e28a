import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { closeAfterEach } from '../support/cleanup.js';
import { LogCapture } from '../support/log-capture.js';
import { guardProcess } from '../support/process-guard.js';
import { describeOnRedis, uniqueKey } from './fixtures/backends.js';
import { Instance } from './fixtures/instance.js';

const DOCUMENT = fileURLToPath(new URL('../../docs/security.md', import.meta.url));

/** The rights as the document has them, for a user and an event key. */
function documentedRights(key: string): string[] {
  const [, block] = /^```\nACL SETUSER my-app (.*?)^```/ms.exec(readFileSync(DOCUMENT, 'utf8'))!;
  return block!.trim().replaceAll('{my-app}', `{${key}}`).split(/\s+/);
}

describeOnRedis('With the rights that the docs name,', (redis) => {
  guardProcess();
  const track = closeAfterEach();

  it('rooms, users, requests, histories and leases work, and the log has no complaint', async () => {
    const key = uniqueKey();
    await redis.server.cli('ACL', 'SETUSER', 'app', ...documentedRights(key));
    const { host, port } = redis.server;
    const log = new LogCapture();
    const boot = async () =>
      track(
        await Instance.boot({
          log,
          backplane: {
            redis: { host, port, username: 'app', password: 'a-long-password' },
            eventKeys: [key],
            history: [
              { rooms: 'kept:*', size: 10, ttlMs: 60_000 },
              { users: true, size: 10, ttlMs: 60_000 },
              { rooms: 'safe', size: 10, ttlMs: 60_000, durability: 'replicated' },
            ],
          },
        }),
      );
    const [a, b] = [await boot(), await boot()];
    const peer = track(await b.connect({ user: 'u', rooms: ['live', 'kept:1'] }));
    await a.server.to('live').publish('said', 1);
    expect(await a.server.to('kept:1').publish('said', 2, { id: 'x' })).toMatchObject({
      offset: 1,
    });
    expect(await a.server.to('kept:1').publish('said', 2, { id: 'x' })).toMatchObject({
      duplicate: true,
    });
    await a.server.toUser('u').publish('said', 3);
    expect(await peer.ws.frames(3)).toHaveLength(3);
    expect((await a.server.history('kept:1', { reverse: true })).entries).toHaveLength(1);
    expect((await a.server.userHistory('u')).entries).toHaveLength(1);
    // There is no replica, and WAIT says so.
    await expect(a.server.to('safe').publish('said', 4)).rejects.toThrow(/none had it within/);
    expect(await a.server.count()).toBe(1);
    expect(await a.backplane.instances()).toHaveLength(2);
    await a.server.to('live').socketsLeave('live');
    await a.server.toUser('u').disconnectSockets();
    expect(log.lines.filter((line) => /^(WARN|ERROR)/.test(line))).toEqual([]);
  });

  it('another app is out of reach', async () => {
    const key = uniqueKey();
    await redis.server.cli('ACL', 'SETUSER', 'app', ...documentedRights(key));
    const client = redis.server.client({ username: 'app', password: 'a-long-password' });
    for (const act of [
      () => client.publish(`{${uniqueKey()}}:all:/`, 'x'),
      () => client.set('another', 'x'),
      () => client.flushall(),
      () => client.config('GET', '*'),
    ])
      await expect(act()).rejects.toThrow(/NOPERM/);
  });
});
