/** Plain numbers since the start of the instance. */
export interface Counters {
  /** Broadcasts that this instance was asked to send. */
  emitted: number;
  /** Broadcasts that did not leave for the other instances: Redis was away, or refused them. */
  unsent: number;
  /** Broadcasts of other instances that arrived. */
  received: number;
  /** Copies written to connections of this instance. */
  delivered: number;
  /** Second copies of a broadcast, dropped. */
  repeated: number;
  /** What arrived and was no envelope, dropped. */
  malformed: number;
  /** Messages that a client of this instance missed: volatile ones, and what `slowClient: 'drop'` dropped. */
  dropped: number;
  /** Clients closed with 4408, too slow. */
  slowDisconnects: number;
  /** Answers of clients that nobody waits for (any more), ignored. */
  strayAnswers: number;
}

export function newCounters(): Counters {
  return {
    emitted: 0,
    unsent: 0,
    received: 0,
    delivered: 0,
    repeated: 0,
    malformed: 0,
    dropped: 0,
    slowDisconnects: 0,
    strayAnswers: 0,
  };
}
