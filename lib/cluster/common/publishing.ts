import type { Frame } from '../../hub/frame.js';
import type { Target } from '../../hub/target.js';
import type { AudienceModifiers } from './audience-modifiers.js';

/** Sends the messages of one hub to its members, here and on the other instances. */
export interface MessagePublisher {
  /** Never throws or rejects. */
  emit(target: Target, modifiers: AudienceModifiers, frame: Frame): void;
  /** Rejects with `BackplaneUnavailableError` or `BackplaneClosedError`. */
  publish(
    target: Target,
    modifiers: AudienceModifiers,
    frame: Frame,
    publishing?: Publishing,
  ): Promise<Published | undefined>;
}

export interface PublishOptions {
  /**
   * The message's own, in its room: one that was published before under this id, and in the same
   * {@link scope}, is not sent again, for `idempotencyTtlMs`. Only where the target has a history;
   * elsewhere there is nothing to compare with. Default: none of the app's.
   *
   * All who publish to a room without a scope share one space of ids: whoever uses an id first,
   * makes the messages of others under it duplicates. An id that a client chose needs a scope.
   */
  id?: string | null | undefined;
  /**
   * The owner of the id, such as the user: ids of different scopes never collide. Needs an {@link
   * id}. Undefined and null are refused where the option is named, so that the missing id of an
   * anonymous user does not put the message into the space of all.
   */
  scope?: string;
  /**
   * Wait while Redis is away, as `emit` does, instead of being rejected at the deadline: for as
   * long as that is where the target has a history, else within the option `liveWindowMs`. Default
   * false.
   */
  queue?: boolean | null | undefined;
}

/**
 * Where a message went in the history of its target; of several targets, of the first that was
 * named.
 */
export interface Published {
  /** New whenever the numbering began anew. */
  readonly epoch: string;
  /** Its number: 1, 2, 3… */
  readonly offset: number;
  /** It had been published before, under the same id: this is where, and nothing was sent. */
  readonly duplicate: boolean;
}

/** The options of a publish, checked. */
export interface Publishing {
  /** The caller's, in its scope. Undefined: the backplane gives one. */
  readonly id: string | undefined;
  readonly queue: boolean;
}
