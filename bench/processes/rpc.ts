import type { ChildProcess } from 'node:child_process';

type Handler = (params: never) => unknown;

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** Answers the runner's calls, and ends this process when the runner has gone, however it went. */
export function serveRunner(handlers: Record<string, Handler>): void {
  const answer = (message: Answer): void => {
    // Whoever asked may have gone.
    process.send?.(message, undefined, undefined, () => {});
  };
  process.on('message', ({ id, method, params }: Call) => {
    void (async () => handlers[method]!(params as never))().then(
      (result) => answer({ id, result }),
      (error: unknown) =>
        answer({ id, error: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit());
  // They go to the whole group; when to end is the runner's to say.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
}

/** Calls to a child process that {@link serveRunner} answers. */
export class Caller {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(child: ChildProcess, name: string) {
    this.#child = child;
    child.on('message', (answer: Answer) => this.#settle(answer));
    child.once('exit', (code, signal) => {
      const error = new Error(`${name} ended (${signal ?? code}) before it answered.`);
      for (const pending of this.#pending.values()) pending.reject(error);
      this.#pending.clear();
    });
  }

  call<T>(method: string, params?: unknown): Promise<T> {
    const id = ++this.#lastId;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#child.send({ id, method, params }, (error) => {
        if (error) reject(error);
      });
    });
  }

  #settle({ id, result, error }: Answer): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(result);
    else pending?.reject(new Error(error));
  }
}

interface Pending {
  resolve(value: any): void;
  reject(error: Error): void;
}
