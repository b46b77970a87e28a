import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { killWhenOrphaned } from '../../support/kill-when-orphaned.js';
import { waitFor } from '../../support/wait-for.js';

const script = fileURLToPath(new URL('../../../scripts/demo.mjs', import.meta.url));

/** A first run builds the library and the sample. */
export const DEMO_START_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 10_000;

/** `npm run demo`, as a person would start it. */
export class DemoProcess {
  output = '';
  private readonly child: ChildProcess;
  private readonly watchdog: ChildProcess;
  private readonly exited: Promise<number | null>;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, [script, ...args], {
      env: { ...process.env, PORT: '', REDIS_URL: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.watchdog = killWhenOrphaned(this.child.pid!);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (data: Buffer) => (this.output += data.toString()));
    }
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code) => {
        this.watchdog.kill('SIGKILL');
        resolve(code);
      });
    });
  }

  /** The address that it prints once all its workers listen. */
  async url(): Promise<string> {
    const printed = () => /Open +(http:\S+)/.exec(this.output)?.[1];
    await waitFor(
      'the demo to start',
      () => printed() ?? this.child.exitCode !== null,
      DEMO_START_TIMEOUT_MS,
    );
    const url = printed();
    if (url === undefined) throw new Error(`The demo did not start:\n${this.output}`);
    return url;
  }

  /** Resolves with the exit code, when it has ended and closed its output. */
  exitCode(): Promise<number | null> {
    return this.exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async dispose(): Promise<number | null> {
    const insist = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.child.kill('SIGTERM');
    const code = await this.exited;
    clearTimeout(insist);
    return code;
  }
}
