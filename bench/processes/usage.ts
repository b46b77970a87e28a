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

/** Needs `--expose-gc`. */
export async function collectGarbage(): Promise<void> {
  globalThis.gc!();
  await new Promise((resolve) => setTimeout(resolve, 50));
}

/** What is left after the garbage went. Some of it goes only after what held it was finalised. */
export async function memory(): Promise<Memory> {
  for (let i = 0; i < 3; i++) await collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, rssBytes: rss };
}
