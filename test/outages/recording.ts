/** The two instances of a run, by their names. The link of `b` to Redis goes through a proxy. */
export const SIDES = ['a', 'b'] as const;
export type Side = (typeof SIDES)[number];

export const otherSide = (side: Side): Side => (side === 'a' ? 'b' : 'a');

/** A message that a client got. */
export interface Arrival {
  readonly from: Side;
  /** From 1 on, for each sender. */
  readonly n: number;
  /** As `performance.now()`. */
  readonly at: number;
}

/** All that one run has to tell. Times are those of one clock. */
export interface Recording {
  /** When each instance sent its messages, the first first. */
  readonly sent: Readonly<Record<Side, readonly number[]>>;
  /** What the client of each instance got. */
  readonly heard: Readonly<Record<Side, readonly Arrival[]>>;
  /** When Redis, or the way to it, was there again. */
  readonly backAt: number;
}
