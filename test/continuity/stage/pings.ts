import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** How long a Redis lets others wait, seen from a thread of its own. */
export class Pings {
  static async start(port: number): Promise<Pings> {
    const worker = new Worker(new URL('./ping-thread.mjs', import.meta.url), {
      workerData: { port },
    });
    await once(worker, 'message');
    return new Pings(worker);
  }

  private constructor(private readonly worker: Worker) {}

  /** Ends; the latencies in ms, the shortest first. */
  async stop(): Promise<number[]> {
    const latencies = once(this.worker, 'message') as Promise<[number[]]>;
    this.worker.postMessage('stop');
    return (await latencies)[0].toSorted((a, b) => a - b);
  }

  async dispose(): Promise<void> {
    await this.worker.terminate();
  }
}
