import type { Batch } from './batch.js';

/** How a message may be written. */
export interface WriteFlags {
  /** A member that has not yet read what it was sent before misses the message. */
  readonly volatile: boolean;
  /** False: not deflated, also where the connection could. */
  readonly compress: boolean;
}

/** A connection, as far as a hub needs it. */
export interface Member {
  readonly id: string;
  readonly userId: string | undefined;
  /** Changed by the hub, and by nobody else. */
  readonly rooms: ReadonlySet<string>;
  /** The last broadcast that was written to this member; kept by the hub's fan-out. */
  lastBroadcast: number;
  /**
   * How many bytes can be written before half of its buffer limit is unread; below zero if more is.
   * Late messages, which come many at a time, wait for it.
   */
  readonly headroomBytes: number;
  /**
   * Never throws, never waits.
   * @param more whether this turn may have more for the member: then it should leave together
   */
  write(batch: Batch, delivery: WriteFlags, more: boolean): void;
}
