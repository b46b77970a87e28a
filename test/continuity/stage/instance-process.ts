import type { BackplaneStats } from 'nestjs-redis-backplane';
import { withDeadline } from '../../support/deadline.js';
import { ForkedProgram, starts } from '../../support/forked-program.js';
import type { Acknowledgement } from '../verdict/verify-log.js';
import { HUB } from './names.js';
import type { InstanceOptions, Order, Report } from './protocol.js';

const program = new URL('./instance.ts', import.meta.url);
const START_DEADLINE_MS = 120_000;
const FINISH_DEADLINE_MS = 90_000;

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
    const instance = new InstanceProcess(options, env);
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
  #port = 0;
  readonly #program: ForkedProgram<Order, Report>;
  readonly #listening: Promise<unknown>;
  readonly #finished: Promise<Finished>;

  private constructor(options: InstanceOptions, env: NodeJS.ProcessEnv) {
    this.name = options.name;
    this.#program = new ForkedProgram<Order, Report>(
      options.name,
      program,
      { ...env, INSTANCE: JSON.stringify(options) },
      (report) => this.#take(report),
    );
    this.#listening = this.#program.told('listening');
    this.#finished = this.#program.told('finished');
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}${HUB}`;
  }

  get alive(): boolean {
    return this.#program.alive;
  }

  get exited(): Promise<void> {
    return this.#program.exited;
  }

  tell(order: Order): void {
    this.#program.tell(order);
  }

  /** OutcomeCallbacks the writing; resolves when all that was written has left. */
  finish(): Promise<Finished> {
    this.tell({ order: 'finish' });
    return withDeadline(this.#finished, `${this.name} to finish`, FINISH_DEADLINE_MS);
  }

  kill(): Promise<void> {
    return this.#program.kill();
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
}
