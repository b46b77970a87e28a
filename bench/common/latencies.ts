/** In milliseconds, from the asking of a message to its arrival. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly samples: number;
}

export class Latencies {
  #samples: number[] = [];

  add(askedAt: number): void {
    this.#samples.push(performance.now() - askedAt);
  }

  /** What was added since the last call. */
  take(): Latency | undefined {
    const sorted = Float64Array.from(this.#samples).sort();
    this.#samples = [];
    if (sorted.length === 0) return undefined;
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1), samples: sorted.length };
  }
}
