import cluster from 'node:cluster';
import type { Log } from './log.js';
import { workerName } from './names.js';
import { WorkerSlot } from './worker-slot.js';

export interface WorkerPoolSettings {
  /** What each worker runs. */
  script: string;
  workers: number;
  env: NodeJS.ProcessEnv;
  log: Log;
  /** What a worker says to the pool. */
  onMessage?: (message: unknown) => void;
}

/**
 * A pool of workers: several processes of one app behind one port. Connections go to the workers in
 * turn, so that the tabs of one browser are served by different ones. There is one pool a process,
 * as `node:cluster` has it.
 */
export class WorkerPool {
  readonly #slots: WorkerSlot[];
  #closed: Promise<void> | undefined;

  constructor({ script, workers, env, log, onMessage }: WorkerPoolSettings) {
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({ exec: script, args: [], silent: true });
    if (onMessage) cluster.on('message', (_worker, message: unknown) => onMessage(message));
    this.#slots = Array.from({ length: workers }, (_, index) => {
      const number = index + 1;
      return new WorkerSlot({ number, name: workerName(number), env, log });
    });
  }

  get names(): string[] {
    return this.#slots.map((slot) => slot.name);
  }

  /** Resolves when every worker listens. */
  async open(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.open()));
  }

  /** Resolves when every worker has ended. */
  close(): Promise<void> {
    this.#closed ??= Promise.all(this.#slots.map((slot) => slot.close())).then(() => {});
    return this.#closed;
  }

  /** Tells all workers. */
  tell(message: object): void {
    for (const worker of Object.values(cluster.workers ?? {}))
      if (worker?.isConnected()) worker.send(message);
  }

  /** For the impatient. */
  kill(): void {
    for (const slot of this.#slots) slot.kill();
  }
}
