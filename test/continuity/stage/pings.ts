import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./ping-process.mjs', import.meta.url));

/** How long a Redis lets others wait, seen from a process of its own. */
export class Pings {
  static async start(port: number): Promise<Pings> {
    const child = fork(program, [String(port)]);
    await once(child, 'message');
    return new Pings(child);
  }

  private constructor(private readonly child: ChildProcess) {}

  /** OutcomeCallbacks; the latencies in ms, the shortest first. */
  async stop(): Promise<number[]> {
    const told = once(this.child, 'message') as Promise<[number[]]>;
    this.child.send('stop');
    return (await told)[0].toSorted((a, b) => a - b);
  }

  dispose(): void {
    this.child.kill('SIGKILL');
  }
}
