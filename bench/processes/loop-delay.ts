import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How long the event loop of a process let others wait, in milliseconds. */
export interface LoopDelay {
  readonly p99: number;
  readonly max: number;
}

const RESOLUTION_MS = 1;

let watched: IntervalHistogram | undefined;

/** From now on, until {@link loopDelay}. */
export function watchLoop(): void {
  watched = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  watched.enable();
}

export function loopDelay(): LoopDelay {
  watched!.disable();
  const inMs = (ns: number): number => ns / 1e6 - RESOLUTION_MS;
  return { p99: inMs(watched!.percentile(99)), max: inMs(watched!.max) };
}
