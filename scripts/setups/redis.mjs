import { spawn } from 'node:child_process';

import { freePort } from './shared.mjs';

const LAST_WORDS = 2_000;

/**
 * Starts an empty redis-server. Rejects if there is none, or if it ends before it accepts
 * connections.
 */
export async function startRedis() {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', ''];
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  await new Promise((ready, failed) => {
    const hear = (chunk) => {
      said = (said + chunk).slice(-LAST_WORDS);
      if (said.includes('Ready to accept connections')) ready();
    };
    server.stdout.on('data', hear);
    server.stderr.on('data', hear);
    server.once('error', () =>
      failed(
        new Error('There is no redis-server on the PATH. Install one (Debian: redis-server).'),
      ),
    );
    server.once('close', (code) =>
      failed(new Error(`redis-server ended with code ${code}.\n${said.trim()}`)),
    );
  });
  return { url: `redis://127.0.0.1:${port}`, stop: () => server.kill() };
}
