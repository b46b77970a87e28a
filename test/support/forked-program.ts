import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Limit } from '../../lib/transport/redis/limit.js';
import { killWhenOrphaned } from './kill-when-orphaned.js';

const typescript = new URL('./register-typescript.mjs', import.meta.url).href;
/** A process that starts compiles all of the library: many at once only hinder each other. */
const STARTS_AT_ONCE = 2;

/** For whatever starts programs and waits for them. */
export const starts = new Limit(STARTS_AT_ONCE);

/**
 * A program of a test, in TypeScript, in a process of its own, which is told orders and tells
 * reports. It dies with the test process.
 */
export class ForkedProgram<Order extends object, Report extends { readonly report: string }> {
  readonly exited: Promise<void>;
  #alive = true;
  readonly #name: string;
  readonly #child: ChildProcess;

  /** @param env what the process is given besides */
  constructor(
    name: string,
    program: URL,
    env: NodeJS.ProcessEnv,
    onReport: (report: Report) => void,
  ) {
    const child = fork(fileURLToPath(program), {
      execArgv: ['--import', typescript, '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#name = name;
    this.#child = child;
    const watchdog = killWhenOrphaned(child.pid!);
    this.exited = new Promise((resolve) =>
      child.once('exit', () => {
        this.#alive = false;
        watchdog.kill('SIGKILL');
        resolve();
      }),
    );
    child.on('error', () => {}); // an order to one that is just ending
    child.on('message', (report: Report) => onReport(report));
  }

  get alive(): boolean {
    return this.#alive;
  }

  tell(order: Order): void {
    if (this.#alive && this.#child.connected) this.#child.send(order);
  }

  /**
   * The next report of that kind; rejects if the process ends before. A rejection that nobody waits
   * for is none.
   */
  told<Kind extends Report['report']>(
    kind: Kind,
  ): Promise<Extract<Report, { readonly report: Kind }>> {
    const told = new Promise<Extract<Report, { readonly report: Kind }>>((resolve) => {
      const listen = (report: Report): void => {
        if (report.report !== kind) return;
        this.#child.off('message', listen);
        resolve(report as Extract<Report, { readonly report: Kind }>);
      };
      this.#child.on('message', listen);
    });
    const died = this.exited.then(() => {
      throw new Error(`The process of ${this.#name} ended.`);
    });
    const outcome = Promise.race([told, died]);
    outcome.catch(() => {});
    return outcome;
  }

  async kill(): Promise<void> {
    this.#alive = false;
    this.#child.kill('SIGKILL');
    await this.exited;
  }
}
