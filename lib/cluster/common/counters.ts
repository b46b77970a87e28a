/** Plain numbers since the start of the instance. */
export interface Counters {
  /** Broadcasts that this instance was asked to send. */
  emitted: number;
  /**
   * Broadcasts that did not leave for the other instances, and will not: Redis was away for too
   * long, or refused them.
   */
  unsent: number;
  /** Broadcasts of other instances that arrived. */
  received: number;
  /**
   * Copies meant for connections of this instance. Those that were not written are in `dropped`.
   */
  delivered: number;
  /** Broadcasts without a history that were sent again, since Redis had not confirmed them. */
  resent: number;
  /** Broadcasts without a history that were missed, asked for and received. */
  recovered: number;
  /**
   * Broadcasts without a history that are lost for members of this instance, as far as that is
   * known.
   */
  lostBroadcasts: number;
  /** Second copies of a broadcast or of an entry of a history, dropped. */
  repeated: number;
  /** Messages that arrived and were no envelopes, dropped. */
  malformed: number;
  /**
   * Messages that a client of this instance missed: volatile ones, and what `slowClient: 'drop'`
   * dropped.
   */
  dropped: number;
  /** Times that a slow client was paused in a history. */
  pauses: number;
  /** Clients closed with 4408, too slow. */
  slowDisconnects: number;
  /** How often all clients together began to leave more than `totalBufferLimitBytes` unread. */
  bufferOverflows: number;
  /** Messages of this instance that a history took. */
  published: number;
  /** Messages that a history had already, by their `id`: not sent again. */
  republished: number;
  /**
   * Repairs that began with an entry of a history that did not fit: one before it was lost on the
   * way.
   */
  gaps: number;
  /** Entries of histories that reached the members by a repair. */
  repaired: number;
  /** Repairs that came to an end, well or not, and how long all of them took. */
  repairs: number;
  repairMs: number;
  /** Spans of histories that were lost for members of this instance, and said to be. */
  lostSpans: number;
  /** Answers of clients that nobody waits for (any more), ignored. */
  strayAnswers: number;
  /** Messages of clients that nest deeper than `maxDepth`: answered with a failure, or dropped. */
  tooDeep: number;
}

export function newCounters(): Counters {
  return {
    emitted: 0,
    unsent: 0,
    received: 0,
    delivered: 0,
    resent: 0,
    recovered: 0,
    lostBroadcasts: 0,
    repeated: 0,
    malformed: 0,
    dropped: 0,
    pauses: 0,
    slowDisconnects: 0,
    bufferOverflows: 0,
    published: 0,
    republished: 0,
    gaps: 0,
    repaired: 0,
    repairs: 0,
    repairMs: 0,
    lostSpans: 0,
    strayAnswers: 0,
    tooDeep: 0,
  };
}
