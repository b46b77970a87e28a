import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Limit } from '../../../lib/transport/redis/limit.js';
import type { BackplaneStats } from 'nestjs-redis-backplane';
import { withDeadline } from '../../support/deadline.js';
import { killWhenOrphaned } from '../../support/kill-when-orphaned.js';
import type { Acknowledgement } from '../verdict/verify-log.js';
import { HUB } from './names.js';
import type { InstanceOptions, Order, Report } from './protocol.js';

const program = fileURLToPath(new URL('./instance.ts', import.meta.url));
const typescript = new URL('../../support/register-typescript.mjs', import.meta.url).href;
const START_DEADLINE_MS = 120_000;
/** A process that starts compiles all of the library: many at once only hinder each other. */
const STARTS_AT_ONCE = 2;
const FINISH_DEADLINE_MS = 90_000;

const starts = new Limit(STARTS_AT_ONCE);

export interface Finished {
  readonly emitted: readonly string[];
  readonly refused: readonly string[];
  readonly stats: BackplaneStats;
}

/** An instance in a process of its own: members join it, its writer writes. */
export class InstanceProcess {
  /** @param env what the process is given besides */
  static start(options: InstanceOptions, env: NodeJS.ProcessEnv = {}): Promise<InstanceProcess> {
    return starts.run(() => InstanceProcess.#start(options, env));
  }

  static async #start(options: InstanceOptions, env: NodeJS.ProcessEnv): Promise<InstanceProcess> {
    const child = fork(program, {
      execArgv: ['--import', typescript, '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, ...env, INSTANCE: JSON.stringify(options) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const instance = new InstanceProcess(options.name, child);
    try {
      await withDeadline(instance.#listening, `${options.name} to listen`, START_DEADLINE_MS);
    } catch (error) {
      await instance.kill();
      throw error;
    }
    return instance;
  }

  readonly name: string;
  readonly acknowledgements: Acknowledgement[] = [];
  readonly exited: Promise<void>;
  #port = 0;
  #alive = true;
  readonly #child: ChildProcess;
  readonly #listening: Promise<void>;
  readonly #finished: Promise<Finished>;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    const watchdog = killWhenOrphaned(child.pid!);
    this.exited = new Promise((resolve) =>
      child.once('exit', () => {
        this.#alive = false;
        watchdog.kill('SIGKILL');
        resolve();
      }),
    );
    const died = this.exited.then(() => {
      throw new Error(`The process of ${name} ended.`);
    });
    this.#listening = Promise.race([this.#told('listening').then(() => {}), died]);
    this.#finished = Promise.race([this.#told('finished'), died]);
    for (const outcome of [this.#listening, this.#finished]) outcome.catch(() => {});
    child.on('message', (report: Report) => this.#take(report));
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}${HUB}`;
  }

  get alive(): boolean {
    return this.#alive;
  }

  tell(order: Order): void {
    if (this.#alive) this.#child.send(order);
  }

  /** Ends the writing; resolves when all that was written has left. */
  finish(): Promise<Finished> {
    this.tell({ order: 'finish' });
    return withDeadline(this.#finished, `${this.name} to finish`, FINISH_DEADLINE_MS);
  }

  async kill(): Promise<void> {
    this.#alive = false;
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  dispose(): Promise<void> {
    return this.kill();
  }

  #take(report: Report): void {
    if (report.report === 'acknowledged') {
      this.acknowledgements.push(...report.acknowledgements);
    } else if (report.report === 'listening') {
      this.#port = report.port;
    }
  }

  #told<Kind extends Report['report']>(
    kind: Kind,
  ): Promise<Extract<Report, { readonly report: Kind }>> {
    return new Promise((resolve) => {
      const listen = (report: Report): void => {
        if (report.report !== kind) return;
        this.#child.off('message', listen);
        resolve(report as Extract<Report, { readonly report: Kind }>);
      };
      this.#child.on('message', listen);
    });
  }
}
