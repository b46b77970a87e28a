import { describe } from '../../errors/quote.js';
import {
  EVERYONE,
  extendLater,
  type LateTarget,
  type Target,
  type TargetList,
  targetOf,
} from '../../hub/target.js';
import { type AudienceModifiers, DEFAULT_MODIFIERS } from '../common/audience-modifiers.js';
import { booleanCallOption, callOptions } from '../common/call-options.js';
import { assertCloseFrame } from '../common/close-frame.js';
import type { AnyEvents, EventArguments, EventName, RequestArguments } from '../common/events.js';
import type { HubOperations } from '../requests/hub-operations.js';
import { eventFrame, type Sendable, rawFrame } from '../common/message.js';
import { assertName, namesOf } from '../common/names.js';
import type {
  MessagePublisher,
  Published,
  Publishing,
  PublishOptions,
} from '../common/publishing.js';
import { type FetchedSockets, RemoteSocket } from './remote-socket.js';
import type { AckOptions, AckResult, CommandResult, CountResult } from '../requests/results.js';

/** Carries out the calls of an audience: one hub, here and on the other instances. */
export interface AudiencePublisher extends MessagePublisher {
  readonly operations: HubOperations;
}

type Names = readonly (string | readonly string[])[];

/**
 * The recipients of a message, in one hub, on every instance. Immutable: each call returns a new
 * audience, so one can be kept and reused. A connection that is meant in several ways gets one
 * copy.
 */
export class Audience<Events extends object = AnyEvents> {
  readonly #publisher: AudiencePublisher;
  readonly #named: LateTarget;
  readonly #modifiers: AudienceModifiers;

  /** @internal */
  constructor(
    publisher: AudiencePublisher,
    target: LateTarget = EVERYONE,
    modifiers: AudienceModifiers = DEFAULT_MODIFIERS,
  ) {
    this.#publisher = publisher;
    this.#named = target;
    this.#modifiers = modifiers;
  }

  /**
   * Adds the members of any of the rooms. `to([])` addresses nobody. One message may name any
   * number of rooms, at most 64 of which may have a history: {@link emit} and {@link publish} throw
   * for more.
   * @throws TypeError for a room that is not a non-empty string of at most 255 bytes
   */
  to(...rooms: Names): Audience<Events> {
    return this.#with('rooms', namesOf('room', rooms));
  }

  /** The same as {@link to}. */
  in(...rooms: Names): Audience<Events> {
    return this.to(...rooms);
  }

  /** Adds all connections of the users, of any number of them. */
  toUser(...userIds: Names): Audience<Events> {
    return this.#with('users', namesOf('user id', userIds));
  }

  /** Adds single connections, by their `id`. */
  toConnection(...ids: Names): Audience<Events> {
    return this.#with('connections', namesOf('connection id', ids));
  }

  /** Takes away the members of the rooms; wins over every inclusion. */
  except(...rooms: Names): Audience<Events> {
    return this.#with('exceptRooms', namesOf('room', rooms));
  }

  /** Takes away single connections; wins over every inclusion. */
  exceptConnection(...ids: Names): Audience<Events> {
    return this.#with('exceptConnections', namesOf('connection id', ids));
  }

  /** Only the connections of this instance. */
  get local(): Audience<Events> {
    return this.#modified({ local: true });
  }

  /**
   * A client that has not yet read what it was sent before misses the message rather than waits for
   * it.
   */
  get volatile(): Audience<Events> {
    return this.#modified({ volatile: true });
  }

  /** `compress(false)`: not deflated, also where the connection could. */
  compress(on: boolean): Audience<Events> {
    return this.#modified({ compress: Boolean(on) });
  }

  /**
   * How long a {@link publish} to this audience may take, instead of `commandTimeoutMs`; and a
   * request to it ({@link emitWithAck}, {@link fetchSockets} and their like), instead of 5,000.
   * @throws TypeError for anything but a positive, finite number
   */
  timeout(ms: number): Audience<Events> {
    if (!(Number.isFinite(ms) && ms > 0)) {
      throw new TypeError(
        `timeout() takes a positive number of milliseconds, got ${describe(ms)}.`,
      );
    }
    return this.#modified({ timeoutMs: ms });
  }

  /**
   * Sends an event, and forgets it: what could not leave is counted and logged, never thrown.
   * @throws TypeError for data that JSON cannot hold; for an event that is empty, no string, or
   * starts with `$`; for a target of more than 64 rooms with a history, or of more than 64 rooms
   * and users with one and more than 64 exceptions
   */
  emit<Name extends EventName<Events>>(event: Name, ...[data]: EventArguments<Events, Name>): void {
    this.#publisher.emit(this.#target, this.#modifiers, eventFrame(event, data));
  }

  /**
   * Sends an event as {@link emit} does, and resolves when Redis took it: with its position in the
   * history, where the target has one (the option `history`), else with undefined. Members on this
   * instance do not wait for that, unless there is a history: then all members, here and elsewhere,
   * get it in its order.
   * @throws (rejects) BackplaneUnavailableError if Redis did not take it in time, and its kind
   * BackplaneNotReplicatedError if no replica has it where one has to; TypeError as `emit` throws
   * it, for an option that there is not, and for an `id` or a `scope` that is not a non-empty
   * string of at most 255 bytes
   */
  async publish<Name extends EventName<Events>>(
    event: Name,
    ...args: RequestArguments<Events, Name, PublishOptions>
  ): Promise<Published | undefined> {
    const [data, options] = args;
    const sending = publishing(options);
    return this.#publisher.publish(this.#target, this.#modifiers, eventFrame(event, data), sending);
  }

  /**
   * Sends a raw frame, for apps with a protocol of their own: text for a string, binary for bytes.
   * @throws TypeError for anything else
   */
  send(raw: Sendable): void {
    this.#publisher.emit(this.#target, this.#modifiers, rawFrame(raw));
  }

  /**
   * Sends an event with an `id`, and resolves with the clients' answers to it: when all have
   * answered or gone, or at the deadline. Answers that have come by then are never lost, and
   * clients that did not answer are named, with the reason. While Redis is away the clients of this
   * instance are asked, and the other instances are named.
   * @throws (rejects) TypeError as {@link emit} throws it; BackplaneClosedError
   */
  async emitWithAck<Name extends EventName<Events>>(
    event: Name,
    ...args: RequestArguments<Events, Name, AckOptions>
  ): Promise<AckResult> {
    const [data, given] = args;
    const options = callOptions('emitWithAck()', given, ['onAnswer']);
    return this.#publisher.operations.ask(this.#target, this.#modifiers, event, data, options);
  }

  /**
   * The connections, on every instance. Instances that did not answer are named in the property
   * `missing` of the result.
   * @throws (rejects) BackplaneClosedError
   */
  async fetchSockets(): Promise<FetchedSockets<Events>> {
    const { sockets, ...unanswered } = await this.#publisher.operations.fetch(
      this.#target,
      this.#modifiers,
    );
    const remote = sockets.map(
      (socket) =>
        new RemoteSocket<Events>(socket, (timeoutMs) => {
          const one = new Audience(this.#publisher).toConnection(socket.id);
          return timeoutMs === undefined ? one : one.timeout(timeoutMs);
        }),
    );
    return Object.assign(remote, unanswered);
  }

  /**
   * How many connections, on every instance.
   * @throws (rejects) BackplaneUnavailableError while Redis is away; RequestTimeoutError, with what
   * is known as `partial`, if a live instance did not answer; BackplaneClosedError. {@link
   * countByInstance} throws neither of the first two
   */
  async count(): Promise<number> {
    return this.#publisher.operations.count(this.#target, this.#modifiers);
  }

  /**
   * How many connections each instance has, and which did not say. @throws (rejects)
   * BackplaneClosedError
   */
  async countByInstance(): Promise<CountResult> {
    return this.#publisher.operations.countByInstance(this.#target, this.#modifiers);
  }

  /**
   * Lets the connections enter rooms, on every instance. Resolves when the live instances have
   * confirmed it: an emit to the rooms then reaches them. Instances that did not confirm are named.
   * So is each connection that would be in more rooms than its instance allows (`LIMIT_EXCEEDED`):
   * it enters none of them, and the others enter all.
   * @throws (rejects) TypeError for a room that is not a non-empty string of at most 255 bytes;
   * BackplaneClosedError
   */
  async socketsJoin(...rooms: Names): Promise<CommandResult> {
    const args = { rooms: namesOf('room', rooms) };
    return this.#publisher.operations.command('join', this.#target, this.#modifiers, args);
  }

  /** Lets the connections leave rooms, as {@link socketsJoin} lets them enter. */
  async socketsLeave(...rooms: Names): Promise<CommandResult> {
    const args = { rooms: namesOf('room', rooms) };
    return this.#publisher.operations.command('leave', this.#target, this.#modifiers, args);
  }

  /**
   * Closes the connections, on every instance, with a code (default 1000) and a reason. Resolves
   * when the live instances have begun to.
   * @throws (rejects) TypeError for a code or a reason that no close frame can hold;
   * BackplaneClosedError
   */
  async disconnectSockets(code?: number, reason?: string): Promise<CommandResult> {
    assertCloseFrame(code, reason);
    const args = { code, reason };
    return this.#publisher.operations.command('disconnect', this.#target, this.#modifiers, args);
  }

  get #target(): Target {
    return targetOf(this.#named);
  }

  #with(list: TargetList, names: readonly string[]): Audience<Events> {
    return new Audience(this.#publisher, extendLater(this.#named, list, names), this.#modifiers);
  }

  #modified(change: Partial<AudienceModifiers>): Audience<Events> {
    return new Audience(this.#publisher, this.#named, { ...this.#modifiers, ...change });
  }
}

/** @throws TypeError for options that cannot be */
function publishing(given: PublishOptions | null | undefined): Publishing {
  const options = callOptions('publish()', given, ['id', 'scope', 'queue']);
  const { id, scope } = options;
  const queue = booleanCallOption('publish()', 'queue', options.queue);
  if (id != null) assertName('message id', id);
  if (!('scope' in options)) return { id: id == null ? undefined : `=${id}`, queue };
  if (scope == null) {
    throw new TypeError(
      `The "scope" of publish() is ${String(scope)}. Give a string; for a client without a user, the id of its connection.`,
    );
  }
  assertName('scope of a message id', scope);
  if (id == null) throw new TypeError('The "scope" of publish() needs an "id". Give both.');
  // The length says where the scope ends: no two pairs make one text.
  return { id: `+${scope.length}:${scope}${id}`, queue };
}
