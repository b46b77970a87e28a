/**
 * Keeps a redis-server for the runner, in memory only, and ends it with the runner, however that
 * ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';

import { Redis } from 'ioredis';

import { serveRunner } from './rpc.js';

const START_DEADLINE_MS = 10_000;

let server: ChildProcess | undefined;
process.once('exit', () => server?.kill('SIGKILL'));
serveRunner({ start });

async function start(): Promise<{ port: number; pid: number }> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  // A group of its own: Ctrl-C is not for it. Generous output buffers: a slow reader is a finding,
  // not a disconnect.
  const limits = ['--client-output-buffer-limit', 'pubsub 256mb 128mb 60', '--maxclients', '1000'];
  server = spawn(process.env.BENCH_REDIS ?? 'redis-server', [...args, ...limits], {
    detached: true,
    stdio: 'ignore',
  });
  const failed = new Promise<never>((_, reject) => {
    server!.once('error', (error) => reject(new Error(`No redis-server: ${error.message}`)));
    server!.once('exit', (code) => reject(new Error(`redis-server ended with ${code}.`)));
  });
  await Promise.race([answers(port), failed]);
  failed.catch(() => process.exit(1));
  return { port, pid: server.pid! };
}

async function answers(port: number): Promise<void> {
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50 });
  client.on('error', () => {});
  const impatience = setTimeout(() => client.disconnect(), START_DEADLINE_MS);
  await client.ping();
  clearTimeout(impatience);
  client.disconnect();
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
