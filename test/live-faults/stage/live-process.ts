import { withDeadline } from '../../support/deadline.js';
import { ForkedProgram, starts } from '../../support/forked-program.js';
import type { Interruption, Life, Publishing, Sent } from '../verdict/records.js';
import {
  HUB,
  type Lag,
  type LiveCounted,
  type LiveInstanceOptions,
  type LiveOrder,
  type LiveReport,
} from './protocol.js';

const program = new URL('./live-instance.ts', import.meta.url);
const START_DEADLINE_MS = 120_000;
const ANSWER_DEADLINE_MS = 90_000;

/** An instance in a process of its own: clients join it, its writer writes. */
export class LiveProcess {
  /** @param env what the process is given besides */
  static start(
    options: LiveInstanceOptions,
    place: number,
    env: NodeJS.ProcessEnv,
  ): Promise<LiveProcess> {
    return starts.run(async () => {
      const process = new LiveProcess(options, place, env);
      try {
        await withDeadline(process.#listening, `${options.name} to listen`, START_DEADLINE_MS);
      } catch (error) {
        await process.kill();
        throw error;
      }
      return process;
    });
  }

  readonly name: string;
  readonly place: number;
  readonly lags: Lag[] = [];
  counted: LiveCounted | undefined;
  /** When it was killed, or told to close. */
  endedAt: number | undefined;
  #orderly = false;
  #port = 0;
  readonly #sent: Sent[] = [];
  readonly #publishings = new Map<string, Publishing>();
  readonly #interruptions: Interruption[] = [];
  readonly #program: ForkedProgram<LiveOrder, LiveReport>;
  readonly #listening: Promise<unknown>;

  private constructor(options: LiveInstanceOptions, place: number, env: NodeJS.ProcessEnv) {
    this.name = options.name;
    this.place = place;
    this.#program = new ForkedProgram<LiveOrder, LiveReport>(
      options.name,
      program,
      { ...env, INSTANCE: JSON.stringify(options) },
      (report) => this.#take(report),
    );
    this.#listening = this.#program.told('listening');
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}${HUB}`;
  }

  /** It is there, and not about to end. */
  get alive(): boolean {
    return this.endedAt === undefined && this.#program.alive;
  }

  get exited(): Promise<void> {
    return this.#program.exited;
  }

  get life(): Life {
    const { name, place, endedAt, counted } = this;
    return {
      name,
      place,
      endedAt,
      orderly: this.#orderly,
      counted,
      interruptions: [...this.#interruptions],
    };
  }

  /** What it has said that it sent, and how that ended. */
  sent(): Sent[] {
    return this.#sent.map((one) => {
      const publishing = this.#publishings.get(`${one.sequence} ${one.target}`);
      return publishing ? { ...one, publishing } : one;
    });
  }

  tell(order: LiveOrder): void {
    this.#program.tell(order);
  }

  /** OutcomeCallbacks the writing; resolves when nothing is under way that was published. */
  async finish(): Promise<void> {
    await this.#answer('finish', 'finished');
  }

  async count(): Promise<void> {
    if (this.alive) await this.#answer('count', 'counted');
  }

  /** Closes the app; resolves when its process has ended. */
  async close(): Promise<void> {
    this.endedAt = Date.now();
    this.#orderly = true;
    await this.#answer('close', 'closed');
    await this.exited;
  }

  async kill(): Promise<void> {
    this.endedAt ??= Date.now();
    await this.#program.kill();
  }

  async #answer(order: 'finish' | 'count' | 'close', report: LiveReport['report']): Promise<void> {
    const told = this.#program.told(report);
    this.tell({ order });
    await withDeadline(told, `${this.name} to answer "${order}"`, ANSWER_DEADLINE_MS);
  }

  #take(report: LiveReport): void {
    if (report.report === 'listening') this.#port = report.port;
    if (report.report === 'counted' || report.report === 'closed') this.counted = report.counted;
    if (report.report !== 'done') return;
    this.#sent.push(...report.sent);
    for (const { sequence, target, publishing } of report.settled)
      this.#publishings.set(`${sequence} ${target}`, publishing);
    this.lags.push(...report.lags);
    this.#interruptions.push(...report.interruptions);
  }
}
