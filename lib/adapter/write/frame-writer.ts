import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

import type { Counters } from '../../cluster/common/counters.js';
import type { PausedPosition } from '../../cluster/local/connection.js';
import type { Batch } from '../../hub/batch.js';
import type { WriteFlags } from '../../hub/member.js';
import type { FlushScheduler } from '../../hub/flush-scheduler.js';
import type { SlowClientPolicy } from '../options/adapter.options.js';
import type { BufferBudget, BufferHolder } from './buffer-budget.js';
import { clientDrain } from './client-drain.js';
import { byHavingAPosition, PausedHistories } from './paused-histories.js';
import type { SharedDeflate } from './shared-deflate.js';
import { CloseCode } from './close-codes.js';

const OPEN = 1;
/** A client that asks for this subprotocol gets the position of each message that has a history. */
const POSITION_SUBPROTOCOL = 'backplane.v1';
const NOWHERE = new Map<string, PausedPosition>();
/** The state of a ws sender that has nothing of its own under way (deflate, blobs). */
const SENDER_IDLE = 0;

export interface FrameWriterOptions {
  readonly bufferLimitBytes: number;
  readonly slowClient: SlowClientPolicy;
  readonly budget: BufferBudget;
  /** Undefined where nothing is compressed. */
  readonly deflate: SharedDeflate | undefined;
  readonly turn: FlushScheduler;
  /** The client was paused in one more history. */
  readonly onPaused: (ws: WebSocket) => void;
  readonly counters: Pick<Counters, 'dropped' | 'pauses' | 'slowDisconnects'>;
}

/**
 * The parts of ws that tell whether a frame may go straight to the socket. Not public: where they
 * differ, `send` is used.
 */
interface SenderInternals {
  readonly _state?: unknown;
  readonly _firstFragment?: unknown;
}

/** A message that waits for the end of one that the app sends in fragments. */
interface Held {
  readonly batch: Batch;
  readonly delivery: WriteFlags;
}

/**
 * Writes ready frames to one WebSocket. A frame neither overtakes what ws has queued nor cuts a
 * message sent in fragments.
 */
export class FrameWriter implements BufferHolder {
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly #options: FrameWriterOptions;
  /** Undefined where ws is not as we know it: then each frame goes through `ws.send`. */
  readonly #sender: SenderInternals | undefined;
  readonly #plain: boolean;
  /** Where the connection compresses, and can share what is compressed. */
  readonly #deflate: SharedDeflate | undefined;
  readonly #wantsPositions: boolean;
  #paused: PausedHistories | undefined;
  #held: Held[] | undefined;
  #heldBytes = 0;
  #turn = 0;
  #corkedIn = 0;
  /**
   * How much was waiting when the turn began: that much the client had time to read, and did not.
   */
  #unreadBytes = 0;
  #notedBytes = 0;
  /**
   * How much was waiting when the client was paused, or last caught up: more than the limit, where
   * messages are large or read many at a time.
   */
  #historyBytes = 0;

  constructor(ws: WebSocket, socket: Duplex, options: FrameWriterOptions) {
    this.#ws = ws;
    this.#socket = socket;
    this.#options = options;
    this.#plain = ws.extensions === '';
    this.#wantsPositions = ws.protocol === POSITION_SUBPROTOCOL;
    this.#deflate = options.deflate?.suits(ws) ? options.deflate : undefined;
    const sender = (ws as unknown as { _sender?: SenderInternals })._sender;
    if (sender?._state === SENDER_IDLE && typeof sender._firstFragment === 'boolean')
      this.#sender = sender;
  }

  /** Whether the client gets the position of each message that has a history. */
  get wantsPositions(): boolean {
    return this.#wantsPositions;
  }

  /**
   * Where the client stands in the histories that {@link write} writes nothing of, as it did not
   * read.
   */
  get paused(): Map<string, PausedPosition> {
    return this.#paused?.positions ?? NOWHERE;
  }

  get isPausable(): boolean {
    return this.#options.slowClient === 'pause';
  }

  /**
   * Whether {@link write} would write nothing to the client now, or hold it back until it may be
   * too much. Messages of histories that are held back are left to them.
   */
  isBackpressured(): boolean {
    if (this.#inFragments()) {
      if (this.#held) this.#leaveHeldToHistories();
      return true;
    }
    if (this.#held) this.resume();
    this.#beginTurn();
    return this.#isFull();
  }

  /** Pauses the client in a history at a position. */
  pause(log: string, at: PausedPosition): void {
    if (this.#ws.readyState !== OPEN) return;
    this.#pausedHistories().pause(log, at);
    this.#options.onPaused(this.#ws);
  }

  /** @param more whether this turn may have more for the client: then it leaves together */
  write(batch: Batch, delivery: WriteFlags, more: boolean): void {
    if (this.#ws.readyState !== OPEN) return;
    const due = this.#paused?.positions.size ? this.#paused.writable(batch) : batch;
    if (!due) return;
    if (this.#inFragments()) {
      this.#hold(due, delivery);
      return;
    }
    if (this.#held) this.resume();
    this.#beginTurn();
    if (this.#ws.readyState !== OPEN) return;
    const { counters } = this.#options;
    if (delivery.volatile && this.#unreadBytes > 0) counters.dropped += due.frames.length;
    else if (this.#isFull()) this.#tooSlow(due);
    else this.#put(due, delivery, more);
  }

  /**
   * Writes messages that the client missed while it was paused. Returns false if that is impossible
   * now: the client is closed, the app sends it a message in fragments, or all clients together
   * have too many unread bytes. A client without unread bytes gets its messages in the last case,
   * too: it reads, and must not wait for clients that do not.
   */
  writeMissed(batch: Batch, delivery: WriteFlags): boolean {
    if (this.#ws.readyState !== OPEN || this.#inFragments()) return false;
    if (this.#held) this.resume();
    this.#beginTurn();
    if (this.#ws.readyState !== OPEN || !this.#hasRoom()) return false;
    this.#put(batch, delivery, true);
    this.#historyBytes = this.#ws.bufferedAmount;
    // Much may follow in this turn, to this client and to others.
    this.#note(this.#historyBytes);
    return true;
  }

  /**
   * Resolves with true when the client has read what it was written and can be written to, and with
   * false when it is closed.
   */
  async drained(): Promise<boolean> {
    // Data that ws still compresses has not reached the socket.
    const isBlocked = (): boolean => this.#hasMuchUnread() || this.#inFragments();
    const isOpen = await clientDrain(this.#ws, this.#socket, isBlocked);
    // Until the log has been read for it, others may have the room.
    if (isOpen) this.#note(this.#ws.bufferedAmount);
    return isOpen;
  }

  #hasMuchUnread(): boolean {
    return this.#ws.bufferedAmount > this.#options.bufferLimitBytes || !this.#hasRoom();
  }

  #hasRoom(): boolean {
    return this.#ws.bufferedAmount === 0 || this.#options.budget.hasRoom;
  }

  /**
   * Writes a frame for this client alone: there is nobody to share what is deflated with, so ws may
   * do that off this thread.
   */
  writeOne(batch: Batch, delivery: WriteFlags): void {
    if (delivery.volatile || this.#inFragments()) return this.write(batch, delivery, true);
    if (this.#ws.readyState !== OPEN) return;
    if (this.#held) this.resume();
    this.#beginTurn();
    if (this.#ws.readyState !== OPEN) return;
    if (this.#isFull() && this.#options.slowClient !== 'pause') this.#tooSlow(batch);
    else if (this.#isFullForOne()) this.#disconnect();
    else if (this.#deflate && delivery.compress && this.#deflate.deflates(batch.frames[0]!))
      this.#sendEach(batch, delivery);
    else this.#put(batch, delivery, true);
  }

  /**
   * The app has sent something through ws: if that ended a message in fragments, what waited for it
   * goes.
   */
  resume(): void {
    if (!this.#held || this.#inFragments()) return;
    const held = this.#held;
    this.#held = undefined;
    this.#heldBytes = 0;
    for (const { batch, delivery } of held) this.write(batch, delivery, true);
  }

  /** Lets what was written leave now, not when the turn ends. */
  release(): void {
    if (this.#corkedIn === this.#options.turn.number) this.#socket.uncork();
    this.#corkedIn = 0;
  }

  #put(batch: Batch, delivery: WriteFlags, more: boolean): void {
    const encoded = this.#wantsPositions ? batch.positioned : batch;
    if (this.#sender?._state !== SENDER_IDLE) this.#sendEach(encoded, delivery);
    else if (this.#plain || (this.#deflate && !delivery.compress))
      this.#writeStraight(encoded.wire, more);
    else if (this.#deflate) this.#writeStraight(this.#deflate.wireOf(encoded), more);
    else this.#sendEach(encoded, delivery);
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  /** How much can be written before half of the limit is unread; below zero where more is. */
  get headroomBytes(): number {
    return this.#options.bufferLimitBytes / 2 - this.#ws.bufferedAmount;
  }

  /**
   * All clients together hold too much, this one as much as any: disconnects it, or leaves it to
   * miss what comes.
   */
  shed(): void {
    if (this.#options.slowClient === 'disconnect') this.#disconnect();
  }

  /** The connection has ended. */
  end(): void {
    this.#options.budget.forget(this);
  }

  #isFull(): boolean {
    const { bufferLimitBytes, budget } = this.#options;
    return this.#unreadBytes > bufferLimitBytes || this.#unreadBytes > budget.allowanceBytes;
  }

  /**
   * A message for one client alone waits in no history: the client may leave that much more unread.
   */
  #isFullForOne(): boolean {
    const { bufferLimitBytes } = this.#options;
    if (this.#unreadBytes <= bufferLimitBytes) this.#historyBytes = 0;
    return this.#unreadBytes > Math.max(bufferLimitBytes, this.#historyBytes) + bufferLimitBytes;
  }

  #inFragments(): boolean {
    return this.#sender?._firstFragment === false;
  }

  #hold(batch: Batch, delivery: WriteFlags): void {
    if (this.#heldBytes > this.#options.bufferLimitBytes) {
      if (this.#options.slowClient === 'pause') this.#leaveHeldToHistories();
      return this.#tooSlow(batch);
    }
    this.#heldBytes += batch.bytes;
    (this.#held ??= []).push({ batch, delivery });
  }

  /**
   * The client must not get messages of a history that stand before the position where it is
   * paused.
   */
  #leaveHeldToHistories(): void {
    const held = this.#held!;
    this.#held = [];
    this.#heldBytes = 0;
    for (const { batch, delivery } of held) {
      const [ofHistories, others] = byHavingAPosition(batch);
      if (ofHistories) this.#pauseBehind(ofHistories);
      if (!others) continue;
      this.#held.push({ batch: others, delivery });
      this.#heldBytes += others.bytes;
    }
  }

  /** May find that all clients hold too much, and disconnect this one. */
  #beginTurn(): void {
    const { turn } = this.#options;
    if (this.#turn === turn.number) return;
    turn.begin();
    this.#turn = turn.number;
    this.#unreadBytes = this.#ws.bufferedAmount;
    this.#note(this.#unreadBytes);
  }

  #note(bytes: number): void {
    if (bytes === this.#notedBytes) return;
    this.#notedBytes = bytes;
    this.#options.budget.note(this, bytes);
  }

  #writeStraight(wire: readonly Buffer[], more: boolean): void {
    const { turn } = this.#options;
    if ((more || wire.length > 1) && this.#corkedIn !== turn.number) {
      this.#corkedIn = turn.number;
      turn.cork(this.#socket);
    }
    for (const bytes of wire) this.#socket.write(bytes);
  }

  #sendEach({ frames }: Batch, { compress }: WriteFlags): void {
    for (const { payload, binary } of frames) this.#ws.send(payload, { binary, compress });
  }

  #tooSlow(batch: Batch): void {
    const { counters, slowClient } = this.#options;
    if (slowClient === 'disconnect') this.#disconnect();
    else if (slowClient === 'drop') counters.dropped += batch.frames.length;
    else this.#pauseBehind(batch);
  }

  #disconnect(): void {
    if (this.#ws.readyState !== OPEN) return;
    this.#options.counters.slowDisconnects++;
    this.#options.budget.forget(this);
    this.#ws.close(CloseCode.tooSlow, 'too slow');
  }

  /** A message that has a history is read there later. */
  #pauseBehind(batch: Batch): void {
    if (batch.frames.every(({ position }) => !position)) {
      this.#options.counters.dropped += batch.frames.length;
      return;
    }
    if (this.#pausedHistories().pauseBefore(batch)) this.#options.onPaused(this.#ws);
  }

  #pausedHistories(): PausedHistories {
    if (!this.#paused?.positions.size) this.#historyBytes = this.#ws.bufferedAmount;
    return (this.#paused ??= new PausedHistories(this.#options.counters));
  }
}
