import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { Caller } from './rpc.js';
import type { Usage } from './usage.js';

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const running = new Set<Child>();

/** A process of the bench, under the runner's command. It ends with the runner. */
export class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #caller: Caller;
  readonly #exited: Promise<void>;

  /** @param file beside the compiled files of the bench, such as `driver/main.js` */
  constructor(name: string, file: string, options: ChildOptions = {}) {
    this.name = name;
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    this.#process = fork(path, [...(options.args ?? [])], {
      execArgv: [...(options.execArgv ?? [])],
      env: { ...process.env, NODE_ENV: 'production', ...options.env },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#caller = new Caller(this.#process, name);
    running.add(this);
    this.#exited = new Promise((resolve) => {
      const ended = (): void => {
        running.delete(this);
        resolve();
      };
      this.#process.once('exit', ended);
      this.#process.once('error', ended);
    });
  }

  call<T>(method: string, params?: unknown): Promise<T> {
    return this.#caller.call<T>(method, params);
  }

  usage(): Promise<Usage> {
    return this.call<Usage>('usage');
  }

  /**
   * Lets it end by itself (it writes its profile then, if it keeps one); kills it if it does not.
   */
  async stop(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    const impatience = setTimeout(() => this.#process.kill('SIGKILL'), 5_000);
    await this.#exited;
    clearTimeout(impatience);
  }

  static async stopAll(): Promise<void> {
    await Promise.all([...running].map((child) => child.stop()));
  }
}
