/**
 * Why something is missing from a result.
 *
 * - `NO_SUCH_CONNECTION`: there is no connection with the id (any more)
 * - `LIMIT_EXCEEDED`: of a join: it would have been in more rooms than its instance allows
 *   (`limits.rooms`), and joined none of them
 * - `CONNECTION_CLOSED`: it closed before it answered
 * - `REQUEST_TIMEOUT`: no answer before the deadline
 * - `INSTANCE_LEFT`, `INSTANCE_LOST`: the instance shut down, or its lease lapsed, before it
 *   answered
 * - `BACKPLANE_UNAVAILABLE`: Redis is away, so that only this instance could be asked; or Redis
 *   keeps no leases, and it is not
 *   known who has the connection
 * - `BACKPLANE_CLOSED`: this instance shut down meanwhile
 * - `NO_HANDLER`, `HANDLER_FAILED`: the instance does not listen to the server event, or its
 *   handler threw
 * - `UNKNOWN_INSTANCE`: somebody who is in no list of instances heard the request and did not
 *   answer: an instance that is not back
 *   yet, or none
 * - `ANSWER_TOO_LARGE`: there was no room for it: all answers to one request together may have 64
 *   MiB
 * - `ANSWER_LOST`: a part of the instance's answer did not arrive, or was not intelligible
 */
export type MissingReason =
  | 'NO_SUCH_CONNECTION'
  | 'LIMIT_EXCEEDED'
  | 'CONNECTION_CLOSED'
  | 'REQUEST_TIMEOUT'
  | 'INSTANCE_LEFT'
  | 'INSTANCE_LOST'
  | 'BACKPLANE_UNAVAILABLE'
  | 'BACKPLANE_CLOSED'
  | 'NO_HANDLER'
  | 'HANDLER_FAILED'
  | 'UNKNOWN_INSTANCE'
  | 'ANSWER_TOO_LARGE'
  | 'ANSWER_LOST';

export interface MissingConnection {
  readonly connectionId: string;
  readonly instanceId?: undefined;
  readonly reason: MissingReason;
  /** Of `LIMIT_EXCEEDED`: the limit, as the connection's instance has it. */
  readonly max?: number;
}

export interface MissingInstance {
  /**
   * `'*'`: whichever other instances there are; none is known while Redis has never been reached.
   */
  readonly instanceId: string;
  readonly connectionId?: undefined;
  readonly reason: MissingReason;
  /** Of the error that a handler threw. */
  readonly message?: string;
}

/** A part of a result that did not come, and why. */
export type Missing = MissingConnection | MissingInstance;

/** One client's answer: data, or an error of its own. */
export type AckAnswer =
  | { readonly connectionId: string; readonly data: unknown; readonly error?: undefined }
  | { readonly connectionId: string; readonly error: unknown; readonly data?: undefined };

/** Of all results that rest on who is alive. */
export interface Stale {
  /**
   * Present, and true, where Redis does not keep the lease of this instance, or has lost it: the
   * result rests on the instances that were last known, and on those that have been heard of since.
   */
  readonly stale?: true;
}

/** The result of `emitWithAck`. */
export interface AckResult extends Stale {
  readonly answers: readonly AckAnswer[];
  /**
   * Those that did not answer. An instance is named where it went before it could say which
   * connections it had asked.
   */
  readonly missing: readonly Missing[];
}

export interface AckOptions {
  /** Called with each answer as it comes. */
  readonly onAnswer?: ((answer: AckAnswer) => void) | undefined;
}

/** The result of `socketsJoin`, `socketsLeave` and `disconnectSockets`. */
export interface CommandResult extends Stale {
  /** How many connections it was done to. */
  readonly connections: number;
  readonly missing: readonly Missing[];
}

/** The result of `countByInstance`. */
export interface CountResult extends Stale {
  readonly total: number;
  readonly answers: readonly { readonly instanceId: string; readonly connections: number }[];
  readonly missing: readonly Missing[];
}

/** The result of `serverSideRequest`. */
export interface ServerSideResult extends Stale {
  readonly answers: readonly { readonly instanceId: string; readonly data: unknown }[];
  readonly missing: readonly MissingInstance[];
}

/** The description of a connection by its instance. */
export interface SocketDescription {
  readonly id: string;
  readonly userId: string | undefined;
  readonly rooms: readonly string[];
  readonly data: unknown;
  readonly instanceId: string;
}
