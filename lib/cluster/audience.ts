import type { Frame } from '../hub/frame.js';
import type { Delivery } from '../hub/member.js';
import { EVERYONE, extend, type Target, type TargetList } from '../hub/target.js';
import type { AnyEvents, EventArguments, EventName } from './events.js';
import { eventFrame, rawFrame } from './message.js';
import { namesOf } from './names.js';

/** How an audience's messages travel. */
export interface AudienceModifiers extends Delivery {
  readonly local: boolean;
  /** How long a `publish` may take; undefined: the backplane's `commandTimeoutMs`. */
  readonly timeoutMs: number | undefined;
}

/** What an audience hands its messages to: one hub, here and on the other instances. */
export interface AudienceSink {
  /** Never throws or rejects. */
  emit(target: Target, modifiers: AudienceModifiers, frame: Frame): void;
  /** Rejects with `BackplaneUnavailableError` or `BackplaneClosedError`. */
  publish(target: Target, modifiers: AudienceModifiers, frame: Frame): Promise<void>;
}

const DEFAULTS: AudienceModifiers = Object.freeze({
  local: false,
  volatile: false,
  compress: true,
  timeoutMs: undefined,
});

type Names = readonly (string | readonly string[])[];

/**
 * Whom a message is for, in one hub, on every instance. Immutable: each call returns a new audience, so one can be kept and
 * reused. A connection that is meant in several ways gets one copy.
 */
export class Audience<Events extends object = AnyEvents> {
  readonly #sink: AudienceSink;
  readonly #target: Target;
  readonly #modifiers: AudienceModifiers;

  /** @internal */
  constructor(
    sink: AudienceSink,
    target: Target = EVERYONE,
    modifiers: AudienceModifiers = DEFAULTS,
  ) {
    this.#sink = sink;
    this.#target = target;
    this.#modifiers = modifiers;
  }

  /**
   * Adds the members of any of the rooms. `to([])` addresses nobody.
   * @throws TypeError for a room that is not a non-empty string of at most 255 bytes
   */
  to(...rooms: Names): Audience<Events> {
    return this.#with('rooms', namesOf('room', rooms));
  }

  /** The same as {@link to}. */
  in(...rooms: Names): Audience<Events> {
    return this.to(...rooms);
  }

  /** Adds all connections of the users. */
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

  /** A client that has not yet read what it was sent before misses the message rather than waits for it. */
  get volatile(): Audience<Events> {
    return this.#modified({ volatile: true });
  }

  /** `compress(false)`: not deflated, also where the connection could. */
  compress(on: boolean): Audience<Events> {
    return this.#modified({ compress: Boolean(on) });
  }

  /**
   * How long a {@link publish} to this audience may take, instead of `commandTimeoutMs`.
   * @throws TypeError for anything but a positive, finite number
   */
  timeout(ms: number): Audience<Events> {
    if (!(Number.isFinite(ms) && ms > 0)) {
      throw new TypeError(`timeout() takes a positive number of milliseconds, got ${String(ms)}.`);
    }
    return this.#modified({ timeoutMs: ms });
  }

  /**
   * Sends an event, and forgets it: what could not leave is counted and logged, never thrown.
   * @throws TypeError for data that JSON cannot hold, and for an event that is empty, no string, or starts with `$`
   */
  emit<Name extends EventName<Events>>(event: Name, ...[data]: EventArguments<Events, Name>): void {
    this.#sink.emit(this.#target, this.#modifiers, eventFrame(event, data));
  }

  /**
   * Sends an event as {@link emit} does, and resolves when Redis took it. Members on this instance have been written to by then in
   * any case.
   * @throws (rejects) BackplaneUnavailableError if Redis did not take it in time; TypeError as `emit` throws it
   */
  async publish<Name extends EventName<Events>>(
    event: Name,
    ...[data]: EventArguments<Events, Name>
  ): Promise<void> {
    await this.#sink.publish(this.#target, this.#modifiers, eventFrame(event, data));
  }

  /**
   * Sends a raw frame, for apps with a protocol of their own: text for a string, binary for bytes.
   * @throws TypeError for anything else
   */
  send(raw: string | ArrayBuffer | ArrayBufferView): void {
    this.#sink.emit(this.#target, this.#modifiers, rawFrame(raw));
  }

  #with(list: TargetList, names: readonly string[]): Audience<Events> {
    return new Audience(this.#sink, extend(this.#target, list, names), this.#modifiers);
  }

  #modified(change: Partial<AudienceModifiers>): Audience<Events> {
    return new Audience(this.#sink, this.#target, { ...this.#modifiers, ...change });
  }
}
