/**
 * How a `publish` ended. `maybe`: rejected, and it may still arrive. `never`: rejected, and it was
 * not sent.
 */
export interface Publishing {
  readonly outcome: 'taken' | 'maybe' | 'never';
  readonly at: number;
}

/** One message of one instance. Times are ms since 1970, of one clock. */
export interface Sent {
  /** The instance, one for each process: `a1`, `a2`, `b1`… */
  readonly sender: string;
  /** The name of its target. */
  readonly target: string;
  /** 1, 2, 3… of this sender to this target. */
  readonly sequence: number;
  readonly sentAt: number;
  readonly volatile: boolean;
  /** An event between servers follows it, which does not wait for Redis. */
  readonly hasServerEvent?: boolean;
  /** Undefined for one that was emitted. */
  readonly publishing?: Publishing | 'unknown';
}

/** What a client read, in its order. */
export interface Got {
  /**
   * `mark`: an event between servers, of behind that message, has come to the client's instance.
   */
  readonly kind: 'message' | 'mark';
  readonly sender: string;
  readonly target: string;
  readonly sequence: number;
  readonly sentAt: number;
  readonly at: number;
}

/** A client's time in one room, as it saw it. */
export interface Stay {
  readonly room: string;
  readonly askedAt: number;
  /** When it was told that it is in. */
  readonly boundFrom: number | undefined;
  readonly leftAskedAt: number | undefined;
  readonly leftAt: number | undefined;
}

/** One connection of a client. */
export interface Visit {
  readonly reader: string;
  /** See {@link Sent.sender}. */
  readonly instance: string;
  readonly user: string;
  /** Of the connection; undefined where it was not told. */
  readonly id: string | undefined;
  readonly askedAt: number;
  readonly boundFrom: number | undefined;
  /** When it, or its instance, began to end. */
  readonly leavingAt: number | undefined;
  /** Of the close frame, where the instance closed it. */
  readonly closed: { readonly code: number; readonly reason: string } | undefined;
  readonly stays: readonly Stay[];
  readonly got: readonly Got[];
}

/** The time from the begin of a fault to its end. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** Whom it concerns. */
  readonly places: readonly number[] | 'all';
  /** What is under way meanwhile comes late, and nobody can tell by how much. */
  readonly silent: boolean;
  /** It keeps nobody from Redis: a process that was slow. */
  readonly isLag?: boolean;
  /** The lease of that place may lapse, against its own clock. */
  readonly lapses?: boolean;
}

/** What an instance said was lost. */
export interface Interruption {
  readonly instance: string;
  readonly lost: number | 'unknown';
  readonly forMs: number;
  readonly at: number;
}

/** What an instance has counted. */
export interface Counted {
  readonly unsent: number;
  readonly lostBroadcasts: number;
}

/** One process of an instance. */
export interface Life {
  readonly name: string;
  readonly place: number;
  /** When it was killed, or told to close. */
  readonly endedAt: number | undefined;
  /** It was closed, and not killed. */
  readonly orderly: boolean;
  /** Undefined for one that was killed. */
  readonly counted: Counted | undefined;
  readonly interruptions: readonly Interruption[];
}

/** All that is known of a schedule. */
export interface LiveRun {
  readonly windowMs: number;
  readonly lives: readonly Life[];
  readonly spans: readonly Span[];
  readonly sent: readonly Sent[];
  readonly visits: readonly Visit[];
}
