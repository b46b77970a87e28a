import type { Batch } from '../../hub/batch.js';
import type { Frame } from '../../hub/frame.js';
import type { WriteFlags, Member } from '../../hub/member.js';
import type { LogTop } from '../../transport/logs.js';

/** The answer of a client: data, or an error of its own. */
export type ClientAnswer = { readonly data: unknown } | { readonly error: unknown };

/**
 * Called with the outcome of a question to a client: one of the two, once, unless it is withdrawn.
 */
export interface AnswerListener {
  /** @param bytes of the frame that it came in */
  answered(connectionId: string, answer: ClientAnswer, bytes: number): void;
  /** The connection closed before an answer came. */
  closed(connectionId: string): void;
}

/**
 * - `trimmed`: the log holds no longer what follows.
 * - `new-epoch`: the log began anew.
 * - `forked`: the log has other entries where delivered ones were, and none of those that are
 *   remembered.
 * - `joined-offline`: the members joined while Redis could not be asked where the log stood; what
 *   came since is not known.
 */
export type LossReason = 'trimmed' | 'new-epoch' | 'forked' | 'joined-offline';

export interface Loss {
  readonly reason: LossReason;
  /** Where the cursor stood. */
  readonly last: LogTop;
  /** Where it goes on from. */
  readonly top: LogTop;
}

/** The newest entry of a history that a paused client was written, or need not be. */
export interface PausedPosition {
  readonly epoch: string;
  readonly offset: number;
  readonly tag: string;
  /** The loss of all members before this position that is not yet reported to the client. */
  readonly unreportedLoss?: Loss;
}

/** A connection as the cluster sees it. */
export interface Connection extends Member {
  /** The app's, to be shown to other instances. */
  readonly data: unknown;
  readonly isOpen: boolean;
  /** How many rooms it may be in; `Infinity` for any number. */
  readonly maxRooms: number;
  /**
   * Where it stands in the histories, by their logs, that it is written nothing of until it has
   * read. Kept by the catching up; what it leaves is forgotten.
   */
  readonly paused: Map<string, PausedPosition>;
  /** Whether it is paused in its histories when it does not read. */
  readonly isPausable: boolean;
  /**
   * Whether what is broadcast now would not be written to it. Messages of histories that it holds
   * back, until a message in fragments has ended, are left to them.
   */
  isBackpressured(): boolean;
  /** Pauses it in a history at a position. */
  pauseLog(log: string, at: PausedPosition): void;
  /**
   * Resolves with true when it has read what it was written and can be written to, and with false
   * when it is closed. Never rejects.
   */
  drained(): Promise<boolean>;
  /**
   * Writes what it missed of a history while it was paused there. False if that cannot be now.
   * Never throws.
   */
  writeMissed(batch: Batch, delivery: WriteFlags): boolean;
  /** Never throws for a valid code and reason. */
  disconnect(code?: number, reason?: string): void;
  /**
   * Writes a frame that carries the id, behind all broadcasts that are due, and waits for the
   * answer to it. Never throws.
   */
  ask(id: string | number, frame: Frame, delivery: WriteFlags, listener: AnswerListener): void;
  /** Waits no longer for the answer to the id. */
  withdraw(id: string | number): void;
}
