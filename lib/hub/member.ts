import type { Frame } from './frame.js';

/** How a message may be written. */
export interface Delivery {
  /** A member that has not yet read what it was sent before misses the message. */
  readonly volatile: boolean;
  /** False: not deflated, also where the connection could. */
  readonly compress: boolean;
}

/** What a hub needs of a connection. */
export interface Member {
  readonly id: string;
  readonly userId: string | undefined;
  /** Kept by the hub, and by nobody else. */
  readonly rooms: Set<string>;
  /** Never throws, never waits. */
  write(frame: Frame, delivery: Delivery): void;
}
