import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { answersPing } from '../../sample-app/workers/redis/answers-ping.js';
import { closeAfterEach } from '../support/cleanup.js';
import { findRedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';
import { DEMO_START_TIMEOUT_MS, DemoProcess } from './support/demo-process.js';

const RESTART_TIMEOUT_MS = 30_000;

describe('npm run demo', () => {
  const track = closeAfterEach();

  function demo(args: readonly string[], env: NodeJS.ProcessEnv = {}): DemoProcess {
    return track(new DemoProcess(args, env));
  }

  test(
    'the smoke run passes, on whatever Redis there is',
    async () => {
      const run = demo(['--smoke', '--workers', '2']);
      expect([await run.exitCode(), run.output]).toEqual([
        0,
        expect.stringMatching(/^Smoke passed: .* 0 problems/m),
      ]);
      await expectRedisGone(run);
    },
    DEMO_START_TIMEOUT_MS,
  );

  test(
    'the smoke run passes without any Redis on the machine',
    async () => {
      const run = demo(['--smoke', '--workers', '2'], { PATH: '/nowhere' });
      expect([await run.exitCode(), run.output]).toEqual([
        0,
        expect.stringMatching(/embedded js-redis-server.*Smoke passed/s),
      ]);
    },
    DEMO_START_TIMEOUT_MS,
  );

  test(
    'the smoke run fails where no backplane joins the workers',
    async () => {
      const run = demo(['--smoke', '--workers', '2'], { REDIS_URL: 'memory' });
      expect([await run.exitCode(), run.output]).toEqual([
        1,
        expect.stringMatching(/missed 3 of 3.*Smoke FAILED/s),
      ]);
    },
    DEMO_START_TIMEOUT_MS,
  );

  test(
    'a worker that is killed is replaced, the others go on, and SIGTERM ends everything',
    async () => {
      const run = demo(['--workers', '2', '--port', '0']);
      const url = await run.url();
      const [first, second] = [await connect(url), await connect(url)];
      expect(first.name).not.toBe(second.name);
      const closed = once(first.socket, 'close');
      process.kill(first.pid, 'SIGKILL');
      await closed;
      await waitFor('the log to tell', () => run.output.includes('ended (SIGKILL)'));
      expect(second.socket.readyState).toBe(WebSocket.OPEN);
      const back = () => run.output.includes(`${first.name} is back`);
      await waitFor('the worker to be back', back, RESTART_TIMEOUT_MS);

      const [code] = await Promise.all([goodbye(second.socket), run.dispose()]);
      expect(code === 1001 || code === 1012).toBe(true);
      expect(await run.exitCode()).toBe(0);
      await expect(fetch(url)).rejects.toThrow();
      await expectRedisGone(run);
    },
    DEMO_START_TIMEOUT_MS,
  );

  test(
    'the page is strict about what it loads; and whoever kills the demo outright leaves nothing running',
    async () => {
      const run = demo(['--workers', '1', '--port', '0']);
      const url = await run.url();
      const page = await fetch(url);
      const policy = page.headers.get('content-security-policy');
      expect(policy).toContain(`default-src 'none'; script-src 'self'; style-src 'self'`);
      expect(policy).not.toContain('unsafe');
      expect(page.headers.get('x-content-type-options')).toBe('nosniff');
      expect(await page.text()).not.toMatch(/<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=/);

      run.signal('SIGKILL');
      await run.exitCode();
      await waitFor('the worker to end', () =>
        fetch(url).then(
          () => false,
          () => true,
        ),
      );
      await expectRedisGone(run);
    },
    DEMO_START_TIMEOUT_MS,
  );

  test(
    'a setting that cannot work ends the demo, and says why',
    async () => {
      const run = demo(['--workers', '1', '--port', '0'], { REDIS_URL: 'http://localhost' });
      expect(await run.exitCode()).toBe(1);
      expect(run.output).toMatch(/The demo cannot go on: Alder ended 2 times before it listened/);
      expect(run.output).toContain('REDIS_URL');
    },
    DEMO_START_TIMEOUT_MS,
  );

  test(
    'a wrong option ends the demo, and says which',
    async () => {
      const run = demo(['--workers', 'many']);
      expect(await run.exitCode()).toBe(1);
      expect(run.output).toContain('--workers must be a whole number from 1 to 64, not "many".');
    },
    DEMO_START_TIMEOUT_MS,
  );
});

interface Connected {
  socket: WebSocket;
  name: string;
  pid: number;
}

async function connect(url: string): Promise<Connected> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/chat`);
  const [data] = (await once(socket, 'message')) as [Buffer];
  const frame = JSON.parse(data.toString()) as {
    data: { instance: { name: string; pid: number } };
  };
  return { socket, ...frame.data.instance };
}

/** The code with which the server closes. */
async function goodbye(socket: WebSocket): Promise<number> {
  const [code] = (await once(socket, 'close')) as [number];
  return code;
}

/** Where the demo had a Redis of its own, it is gone with the demo. */
async function expectRedisGone(run: DemoProcess): Promise<void> {
  const port = /on 127\.0\.0\.1:(\d+), started for this demo/.exec(run.output)?.[1];
  expect(port !== undefined).toBe(findRedisServer() !== undefined);
  if (port === undefined) return;
  await waitFor('Redis to end', async () => !(await answersPing('127.0.0.1', Number(port))));
}
