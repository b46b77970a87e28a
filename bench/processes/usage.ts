/** What a process has used so far. */
export interface Usage {
  /** User and system time of all threads, in microseconds. */
  readonly cpuUs: number;
}

export interface Memory {
  readonly heapBytes: number;
  readonly rssBytes: number;
}

export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system };
}

/** What is left after the garbage went. Needs `--expose-gc`. */
export async function memory(): Promise<Memory> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, rssBytes: rss };
}
