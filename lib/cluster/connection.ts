import type { Frame } from '../hub/frame.js';
import type { Delivery, Member } from '../hub/member.js';

/** What a client answered: data, or an error of its own. */
export type ClientAnswer = { readonly data: unknown } | { readonly error: unknown };

/** Is told what became of a question to a client: one of the two, once, unless it is withdrawn. */
export interface AnswerListener {
  answered(connectionId: string, answer: ClientAnswer): void;
  /** The connection closed before an answer came. */
  closed(connectionId: string): void;
}

/** A connection as the cluster sees it. */
export interface Connection extends Member {
  /** The app's, to be shown to other instances. */
  readonly data: unknown;
  /** Never throws for a valid code and reason. */
  disconnect(code?: number, reason?: string): void;
  /** Writes a frame that carries the id, behind all broadcasts that are due, and waits for the answer to it. Never throws. */
  ask(id: string | number, frame: Frame, delivery: Delivery, listener: AnswerListener): void;
  /** Waits no longer for the answer to the id. */
  withdraw(id: string | number): void;
}
