import type { WebSocket } from 'ws';

import { Audience, type AudiencePublisher } from '../../cluster/api/audience.js';
import type { AnswerListener, Connection, PausedPosition } from '../../cluster/local/connection.js';
import type {
  AnyEvents,
  EventArguments,
  EventName,
  RequestArguments,
} from '../../cluster/common/events.js';
import { assertRaw, eventFrame, type Sendable } from '../../cluster/common/message.js';
import { namesOf } from '../../cluster/common/names.js';
import { roomsToJoin } from '../../cluster/common/room-limit.js';
import type { LocalHub } from '../../cluster/local/local-hub.js';
import { Batch } from '../../hub/batch.js';
import { Frame } from '../../hub/frame.js';
import type { WriteFlags } from '../../hub/member.js';
import { EVERYONE, extend } from '../../hub/target.js';
import type { BackplaneUser } from '../options/adapter.options.js';
import { ClientQuestions, type RequestOptions } from './client-questions.js';
import type { FrameWriter } from '../write/frame-writer.js';
import type { Handshake } from '../upgrade/handshake.js';
import type { Session } from './session.js';
import { BroadcastingSocket } from './broadcasting-socket.js';
import { CloseCode } from '../write/close-codes.js';

const DIRECT: WriteFlags = Object.freeze({ volatile: false, compress: true });

type SendArguments = Parameters<WebSocket['send']>;
type SendOptions = SendArguments[1];
type SendCallback = (error?: Error) => void;
type Names = readonly (string | readonly string[])[];
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Data = Record<string, any>;

/** @internal */
export interface BackplaneSocketParts {
  readonly id: string;
  readonly raw: WebSocket;
  readonly user: BackplaneUser | undefined;
  readonly handshake: Handshake;
  readonly hub: LocalHub<BackplaneSocket>;
  readonly publisher: AudiencePublisher;
  readonly writer: FrameWriter;
}

/**
 * One client, as handlers, guards, filters and hooks get it. It serves gateways that were written
 * for Socket.IO (`emit`, `join`, `to`, `broadcast`) and for the stock `WsAdapter` (`send`, `close`,
 * `on`).
 *
 * Its audiences leave this client out.
 */
export class BackplaneSocket<
  Events extends object = AnyEvents,
  User extends BackplaneUser = BackplaneUser,
>
  extends BroadcastingSocket<Events>
  implements Connection
{
  /**
   * Unique in the cluster, url-safe, public. Not a room: `server.toConnection(id)` addresses it.
   */
  readonly id: string;
  /** The return value of the authenticator. */
  readonly user: User | undefined;
  /** The user's id, as it was at the upgrade. */
  readonly userId: string | undefined;
  readonly handshake: Handshake;
  /** The `ws` socket. */
  readonly raw: WebSocket;
  /** @internal Kept by the hub. */
  lastBroadcast = 0;
  /** @internal Set once, by the endpoint. */
  session!: Session;
  readonly #hub: LocalHub<BackplaneSocket>;
  readonly #publisher: AudiencePublisher;
  readonly #writer: FrameWriter;
  // Made when they are asked for: a process has many clients that are in no room, hold no data and
  // are asked nothing.
  #data: Data | undefined;
  #rooms: Set<string> | undefined;
  #answers: ClientQuestions | undefined;

  /** @internal */
  constructor(parts: BackplaneSocketParts) {
    super();
    const { id, raw, user, handshake, hub, publisher, writer } = parts;
    this.id = id;
    this.raw = raw;
    this.user = user as User | undefined;
    this.userId = user?.id;
    this.handshake = handshake;
    this.#hub = hub;
    this.#publisher = publisher;
    this.#writer = writer;
  }

  /** Free for the app: its own notes about the client, on this instance. */
  get data(): Data {
    return (this.#data ??= {});
  }

  set data(data: Data) {
    this.#data = data;
  }

  /** The rooms that it is in; changed by {@link join} and {@link leave}. */
  get rooms(): ReadonlySet<string> {
    return (this.#rooms ??= new Set());
  }

  /**
   * Enters the rooms. Once resolved, an emit to one of them from any instance reaches this client.
   * Resolves also while Redis is away: local at once, in the cluster when it is back.
   * @throws (rejects) TypeError for a room that is not a non-empty string of at most 255 bytes;
   * LimitExceededError if it would be in more rooms than the option `limits.rooms` allows (default
   * 1,000), and then it enters none. A room that it is in counts once
   */
  async join(...rooms: Names): Promise<void> {
    await this.#hub.join(this as unknown as BackplaneSocket, roomsToJoin(this, rooms));
  }

  /** Leaves the rooms, at once. @throws (rejects) TypeError as {@link join} does */
  async leave(...rooms: Names): Promise<void> {
    this.#hub.leave(this as unknown as BackplaneSocket, namesOf('room', rooms));
  }

  /**
   * Sends an event to this client. Always a message, never a local event.
   * @throws TypeError for data that JSON cannot hold, and for an event that is empty, no string, or
   * starts with `$`
   */
  emit<Name extends EventName<Events>>(event: Name, ...[data]: EventArguments<Events, Name>): void {
    if (this.session.takesAsAnswer(event, data)) return;
    this.sendFrame(eventFrame(event, data), DIRECT);
  }

  /**
   * Sends an event with an `id` to this client, and resolves with the data of its answer,
   * `{"id":…,"data":…}`.
   * @throws (rejects) ClientAnswerError if it answers with an error; ConnectionClosedError at once
   * if it disconnects; RequestTimeoutError at the deadline (default 5,000 ms); TypeError as {@link
   * emit} throws it
   */
  async request<Name extends EventName<Events>>(
    event: Name,
    ...args: RequestArguments<Events, Name, RequestOptions>
  ): Promise<unknown> {
    const [data, options] = args;
    const answer = this.#clientQuestions().request(event, data, options);
    this.session.asked();
    return answer;
  }

  /** Everyone else. */
  get broadcast(): Audience<Events> {
    const others = extend(EVERYONE, 'exceptConnections', [this.id]);
    return new Audience<Events>(this.#publisher, others);
  }

  /** Closes the connection with a code (default 1000) and a reason of at most 123 bytes. */
  disconnect(code: number = CloseCode.normal, reason?: string): void {
    this.#flushMember();
    this.raw.close(typeof code === 'number' ? code : CloseCode.normal, reason);
  }

  /**
   * Sends a raw frame, as on a `ws` socket: text for a string, binary for bytes.
   * @throws TypeError for anything else: `emit` sends events, and `JSON.stringify` makes text of
   * data
   */
  send(data: Sendable | Blob, done?: SendCallback): void;
  send(data: Sendable | Blob, options: SendOptions, done?: SendCallback): void;
  send(...args: unknown[]): void {
    if (!isBlob(args[0])) assertRaw('send', args[0]);
    if (this.session.takesFrameAsAnswer(args[0])) return;
    this.#flushMember();
    this.raw.send(...(args as SendArguments));
    this.#writer.resume();
  }

  close(code?: number, reason?: string | Buffer): void {
    this.#flushMember();
    this.raw.close(code, reason);
  }

  terminate(): void {
    this.#flushMember();
    this.#writer.release();
    this.raw.terminate();
  }

  /** @throws TypeError for data that is neither a string nor bytes */
  ping(...args: Parameters<WebSocket['ping']>): void {
    if (args[0] !== undefined && typeof args[0] !== 'function') assertRaw('ping', args[0]);
    this.#flushMember();
    this.raw.ping(...args);
  }

  /** @throws TypeError for data that is neither a string nor bytes */
  pong(...args: Parameters<WebSocket['pong']>): void {
    if (args[0] !== undefined && typeof args[0] !== 'function') assertRaw('pong', args[0]);
    this.#flushMember();
    this.raw.pong(...args);
  }

  get isPaused(): boolean {
    return this.raw.isPaused;
  }

  /**
   * Reads nothing more of the client, until {@link resume}. A client that is paused for long ends,
   * as one that does not answer pings.
   */
  pause(): void {
    this.session.pauseReading();
  }

  resume(): void {
    this.session.resumeReading();
  }

  /** @internal The connection has ended. */
  ended(): void {
    this.#writer.end();
  }

  /** @internal Never throws. */
  write(batch: Batch, delivery: WriteFlags, more: boolean): void {
    this.#writer.write(batch, delivery, more);
  }

  /** @internal Whether it was asked something that it has not answered. */
  get awaitsAnswer(): boolean {
    return this.#answers !== undefined && this.#answers.size > 0;
  }

  /** @internal */
  get maxRooms(): number {
    return this.session.maxRooms;
  }

  /** @internal */
  get isOpen(): boolean {
    return this.raw.readyState === this.raw.OPEN;
  }

  /** @internal */
  get paused(): Map<string, PausedPosition> {
    return this.#writer.paused;
  }

  /** @internal */
  get isPausable(): boolean {
    return this.#writer.isPausable;
  }

  /** @internal */
  get headroomBytes(): number {
    return this.#writer.headroomBytes;
  }

  isBackpressured(): boolean {
    return this.#writer.isBackpressured();
  }

  /** @internal Never throws. */
  pauseLog(log: string, at: PausedPosition): void {
    this.#writer.pause(log, at);
  }

  /** @internal Whether the client gets the position of each message that has a history. */
  get wantsPositions(): boolean {
    return this.#writer.wantsPositions;
  }

  /** @internal Never rejects. */
  drained(): Promise<boolean> {
    return this.#writer.drained();
  }

  /** @internal Never throws. */
  writeMissed(batch: Batch, delivery: WriteFlags): boolean {
    return this.#writer.writeMissed(batch, delivery);
  }

  /** @internal Never throws. */
  ask(id: string | number, frame: Frame, delivery: WriteFlags, listener: AnswerListener): void {
    this.#clientQuestions().ask(id, frame, delivery, listener);
    this.session.asked();
  }

  /** @internal */
  withdraw(id: string | number): void {
    this.#answers?.withdraw(id);
  }

  /** @internal An answer of the client; false if nothing was asked under its id. */
  takeAnswer(
    id: unknown,
    message: { readonly data?: unknown; readonly error?: unknown },
    bytes: number,
  ): boolean {
    return this.#answers?.take(id, message, bytes) ?? false;
  }

  #clientQuestions(): ClientQuestions {
    return (this.#answers ??= new ClientQuestions(this));
  }

  /** @internal Text that is ready to be read. */
  writeText(text: string): void {
    this.sendFrame(Frame.text(text), DIRECT);
  }

  /** @internal */
  sendFrame(frame: Frame, delivery: WriteFlags): void {
    this.#flushMember();
    this.#writer.writeOne(new Batch(frame), delivery);
  }

  /** Nothing overtakes the broadcasts that this client is due. */
  #flushMember(): void {
    this.#hub.flushMember(this as unknown as BackplaneSocket);
  }
}

/** `ws` reads one by itself. */
function isBlob(data: unknown): boolean {
  return data instanceof Blob;
}
