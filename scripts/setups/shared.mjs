import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

export const root = resolve(here, '../..');
export const files = join(here, 'files');

/** For `npm install`. Packages that npm has in its cache are not asked for again. */
export const QUIETLY = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

const LAST_WORDS = 2_000;
const LIMIT_MS = 600_000;

/** Runs a command to its end. Rejects with its last words where it fails, or takes too long. */
export function run(command, args, { cwd, env = {}, limitMs = LIMIT_MS, words = LAST_WORDS }) {
  return new Promise((done, failed) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, CI: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const hear = (chunk) => (said = (said + chunk).slice(-words));
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.once('error', failed);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) done(said);
      else failed(new Error(`${command} ${args.join(' ')}: exit code ${code}\n${said.trim()}`));
    });
  });
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
