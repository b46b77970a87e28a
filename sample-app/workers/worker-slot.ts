import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Log } from './log.js';

const READY_TIMEOUT_MS = 120_000;
const KILL_AFTER_MS = 6_000;
const TRIES_BEFORE_FIRST_LISTEN = 2;
const LONGEST_PAUSE_MS = 5_000;

export interface SlotSettings {
  number: number;
  name: string;
  env: NodeJS.ProcessEnv;
  log: Log;
}

/** One place in the pool: there is always a worker in it, or one on its way. */
export class WorkerSlot {
  readonly name: string;
  #worker: Worker | undefined;
  #listened = false;
  #deaths = 0;
  #closing = false;
  #next: NodeJS.Timeout | undefined;
  #settleOpen: (failure?: string) => void = () => {};

  constructor(private readonly settings: SlotSettings) {
    this.name = settings.name;
  }

  /** Resolves when the first worker listens; rejects when it will not, try as one may. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const seconds = READY_TIMEOUT_MS / 1_000;
      const giveUp = setTimeout(
        () => this.#settleOpen(`${this.name} did not start in ${seconds} s`),
        READY_TIMEOUT_MS,
      );
      this.#settleOpen = (failure) => {
        clearTimeout(giveUp);
        if (failure === undefined) resolve();
        else reject(new Error(failure));
      };
      this.#fork();
    });
  }

  /** Asks the worker to end, and insists after a while. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#next);
    this.#settleOpen(`${this.name} was closed before it listened`);
    const process = this.#worker?.process;
    if (!process || process.exitCode !== null || process.signalCode !== null) return;
    const ended = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGTERM');
    const insist = setTimeout(() => this.kill(), KILL_AFTER_MS);
    await ended;
    clearTimeout(insist);
  }

  kill(): void {
    this.#worker?.process.kill('SIGKILL');
  }

  #fork(): void {
    const { name, number, env, log } = this.settings;
    const worker = cluster.fork({ ...env, INSTANCE_NAME: name, INSTANCE_NUMBER: String(number) });
    this.#worker = worker;
    this.#pass(worker.process.stdout);
    this.#pass(worker.process.stderr);
    worker.on('error', (error) => log.event(`${name}: ${error.message}`));
    worker.once('listening', () => {
      if (this.#listened) log.event(`${name} is back (pid ${worker.process.pid})`);
      this.#listened = true;
      this.#deaths = 0;
      this.#settleOpen();
    });
    worker.once('exit', (code, signal) => this.#onExit(worker, signal || `code ${code}`));
  }

  #onExit(worker: Worker, how: string): void {
    if (this.#closing) return;
    this.#deaths++;
    if (!this.#listened && this.#deaths >= TRIES_BEFORE_FIRST_LISTEN) {
      this.#settleOpen(`${this.name} ended ${this.#deaths} times before it listened`);
      return;
    }
    const { pid } = worker.process;
    this.settings.log.event(`${this.name} (pid ${pid}) ended (${how}): starting it again`);
    const pause = this.#deaths === 1 ? 0 : Math.min(250 * 2 ** this.#deaths, LONGEST_PAUSE_MS);
    this.#next = setTimeout(() => this.#fork(), pause);
  }

  /** The worker's lines, with its name in front. */
  #pass(stream: Readable | null): void {
    if (stream === null) return;
    const lines = createInterface({ input: stream });
    lines.on('line', (line) => this.settings.log.say(`${this.name} | ${line}`));
  }
}
