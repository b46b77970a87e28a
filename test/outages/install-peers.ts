import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../../bench/peers/', import.meta.url);

/**
 * The packages that we compare with, as the bench has them: installed if they are not there, or
 * older than the lockfile.
 */
export function installPeers(): void {
  if (isFresh()) return;
  process.stderr.write('Installing what we compare with (npm ci --prefix bench/peers) …\n');
  const args = ['ci', '--prefix', fileURLToPath(folder), '--no-audit', '--no-fund'];
  spawnSync('npm', [...args, '--loglevel=error'], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (!isFresh()) {
    throw new Error(
      'The packages in bench/peers could not be installed; "--subjects ours" needs none of them.',
    );
  }
}

function isFresh(): boolean {
  const installed = new URL('node_modules/.package-lock.json', folder);
  const lock = new URL('package-lock.json', folder);
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
}
