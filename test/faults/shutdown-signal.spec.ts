import { expect, it } from '@jest/globals';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createBackplane } from 'nestjs-redis-backplane';
import { FakeConnection } from '../cluster/fake-connection.js';
import { closeAfterEach } from '../support/cleanup.js';
import { guardProcess } from '../support/process-guard.js';
import { describeWithRedis, RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { ownKey } from './fixtures/instance.js';

const program = fileURLToPath(new URL('fixtures/burst-worker.ts', import.meta.url));
const hooks = new URL('../support/register-typescript.mjs', import.meta.url).href;
const LONG_MS = 60_000;

describeWithRedis('A process that is ended by SIGTERM', () => {
  guardProcess();
  const track = closeAfterEach();

  it(
    'sends what waits before it ends',
    async () => {
      const redis = track(await RedisServer.start());
      const where = { redis: redis.url, eventKeys: ownKey() };
      const to = await createBackplane(where);
      track({ dispose: () => to.close() });
      const hub = to.serve<FakeConnection>('/');
      await to.ready();
      const member = new FakeConnection(to.nextConnectionId());
      hub.add(member);
      await hub.join(member, ['r']);

      const child = fork(program, {
        env: { ...process.env, BACKPLANE: JSON.stringify(where) },
        execArgv: ['--import', hooks, '--disable-warning=ExperimentalWarning'],
      });
      track({ dispose: () => child.kill('SIGKILL') });
      const exited = once(child, 'exit');
      await once(child, 'message');
      const said = once(child, 'message');
      child.send(20_000);
      const [{ waiting }] = (await said) as [{ waiting: number }];
      expect(waiting).toBeGreaterThan(10_000);
      await exited;
      await waitFor('the last', () => member.written.length === 20_000, LONG_MS);
      expect(JSON.parse(member.texts.at(-1)!)).toEqual({ event: 'said', data: 19_999 });
    },
    LONG_MS,
  );
});
