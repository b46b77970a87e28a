import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

import { PEERS_FOLDER } from '../targets/catalogue.js';
import type { Target } from '../common/target.js';
import { folder } from '../common/folders.js';
import { say } from '../common/progress.js';

/**
 * Those that have what they run on: the peers are installed if they are not; Nest 11 is there if
 * its tests have run.
 */
export function withPackages(targets: readonly Target[]): Target[] {
  const wanted = new Set(targets.map(({ packages }) => packages));
  if (wanted.has(PEERS_FOLDER) && !isFresh(PEERS_FOLDER)) install(PEERS_FOLDER);
  return targets.filter(({ name, packages }) => {
    if (packages === undefined || isFresh(packages)) return true;
    say(
      `Without "${name}": the packages in ${packages} are not installed (npm ci --prefix ${packages}).`,
    );
    return false;
  });
}

/** Whether what is installed is no older than what the lockfile says. */
function isFresh(path: string): boolean {
  const installed = folder(`${path}/node_modules/.package-lock.json`);
  const lock = folder(`${path}/package-lock.json`);
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
}

function install(path: string): void {
  say(`Installing what we compare with (npm ci --prefix ${path}) …`);
  const args = ['ci', '--prefix', folder(path), '--no-audit', '--no-fund', '--loglevel=error'];
  spawnSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
