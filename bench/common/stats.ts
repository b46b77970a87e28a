/** Several rounds in one line. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: readonly number[];
}

export function median(values: readonly number[]): number {
  const sorted = values.slice().sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Undefined for no rounds at all. */
export function summarise(rounds: readonly number[]): Summary | undefined {
  if (rounds.length === 0) return undefined;
  return { median: median(rounds), min: Math.min(...rounds), max: Math.max(...rounds), rounds };
}
