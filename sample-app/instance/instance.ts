import cluster from 'node:cluster';

/** What the visitors see of the process that serves them. */
export interface Instance {
  name: string;
  /** Its place in the pool, from 1. */
  number: number;
  pid: number;
  /** Somebody starts it again when it ends. */
  restarts: boolean;
}

export const INSTANCE = Symbol('INSTANCE');

/** The pool gives each worker a name; a worker on its own is named after its process. */
export function describeInstance(env: NodeJS.ProcessEnv): Instance {
  return {
    name: env.INSTANCE_NAME || `Worker ${process.pid}`,
    number: Number(env.INSTANCE_NUMBER) || process.pid,
    pid: process.pid,
    restarts: cluster.isWorker,
  };
}
