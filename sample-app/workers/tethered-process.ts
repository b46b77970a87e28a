import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const KILL_AFTER_MS = 3_000;

/**
 * The program runs as long as its standard input is open, that is as long as we live and want it:
 * even if we are killed outright, nothing stays behind.
 */
const tether = [
  'exec 3<&0',
  '"$@" </dev/null 3<&- & program=$!',
  '{ read -r _ <&3; kill "$program" 2>/dev/null; } & reader=$!',
  'wait "$program"; code=$?',
  'kill "$reader" 2>/dev/null',
  'exit "$code"',
].join('\n');

/**
 * A child process in a process group of its own, so that Ctrl-C in the terminal reaches only us and
 * we decide what ends when.
 */
export class TetheredProcess {
  readonly #child: ChildProcess;
  /** Resolves with a description of how it ended, on its own or by {@link close}. */
  readonly ended: Promise<string>;
  #output = '';

  constructor(program: string, args: readonly string[]) {
    const posix = process.platform !== 'win32';
    const stdio: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'];
    this.#child = posix
      ? spawn('/bin/sh', ['-c', tether, 'tether', program, ...args], { stdio, detached: true })
      : spawn(program, args, { stdio, windowsHide: true });
    this.#child.stdin?.on('error', () => {});
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (data: Buffer) => {
        this.#output = (this.#output + data.toString()).slice(-2_000);
      });
    }
    this.ended = this.#watch();
  }

  /** The last of what it printed. */
  get output(): string {
    return this.#output.trim();
  }

  /** Asks it to end, and insists after a while. */
  async close(): Promise<void> {
    if (process.platform === 'win32') this.#child.kill();
    else this.#child.stdin?.destroy();
    const insist = setTimeout(() => this.#kill(), KILL_AFTER_MS);
    await this.ended;
    clearTimeout(insist);
  }

  async #watch(): Promise<string> {
    try {
      const [code, signal] = (await once(this.#child, 'exit')) as [number | null, string | null];
      return signal ?? `code ${code}`;
    } catch (error) {
      return (error as Error).message;
    } finally {
      this.#child.stdin?.destroy();
    }
  }

  #kill(): void {
    const { pid } = this.#child;
    try {
      if (pid !== undefined && process.platform !== 'win32') process.kill(-pid, 'SIGKILL');
      else this.#child.kill('SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}
