import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Kills that process as soon as this one has ended, however it ends: a shell waits for the end of
 * its input, which is the end of this process. Exit handlers would not run after a SIGKILL.
 * Kill the returned process when there is nothing left to watch.
 */
export function killWhenOrphaned(pid: number): ChildProcess {
  const watchdog = spawn('/bin/sh', ['-c', `read -r _; kill -9 ${pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.on('error', () => {});
  watchdog.unref();
  return watchdog;
}
