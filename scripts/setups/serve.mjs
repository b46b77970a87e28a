import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';

import { freePort } from './shared.mjs';

const START_MS = 60_000;
const MESSAGE_MS = 10_000;
const GOING_AWAY = 1001;

/**
 * Starts the built app twice: what is said to a room by a client of one reaches a client of the
 * other, and both close at SIGTERM.
 */
export async function serve(command, folder, env) {
  const apps = [];
  try {
    for (let i = 0; i < 2; i++) apps.push(await start(command, folder, env));
    const [one, two] = await Promise.all(apps.map(({ port }) => connect(port)));
    const heard = next(two, 2);
    two.send(JSON.stringify({ event: 'join', data: 'lobby' }));
    await next(two, 1);
    one.send(JSON.stringify({ event: 'join', data: 'lobby' }));
    await heard;
    const closed = [one, two].map((client) => within(once(client, 'close'), 'the close frame'));
    for (const { child } of apps) child.kill('SIGTERM');
    for (const [code] of await Promise.all(closed))
      if (code !== GOING_AWAY) throw new Error(`SIGTERM closes clients with ${code}.`);
  } finally {
    for (const { child } of apps) child.kill('SIGKILL');
  }
}

async function start(command, folder, env) {
  const port = await freePort();
  const child = spawn('sh', ['-c', `exec ${command}`], {
    cwd: folder,
    env: { ...process.env, ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  const end = performance.now() + START_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > end) {
      child.kill('SIGKILL');
      throw new Error(`${command} does not serve:\n${said.slice(-2_000)}`);
    }
    await delay(100);
  }
  return { child, port };
}

async function answers(port) {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );
}

async function connect(port) {
  const client = new WebSocket(`ws://127.0.0.1:${port}/chat`);
  await within(once(client, 'open'), 'the client to connect');
  return client;
}

/** Resolves when so many messages have come. */
function next(client, count) {
  const come = new Promise((done) => {
    let seen = 0;
    client.on('message', () => ++seen === count && done());
  });
  return within(come, `${count} messages`);
}

async function within(promise, what) {
  const late = delay(MESSAGE_MS, undefined, { ref: false }).then(() => {
    throw new Error(`${what} did not come within ${MESSAGE_MS} ms.`);
  });
  return Promise.race([promise, late]);
}
