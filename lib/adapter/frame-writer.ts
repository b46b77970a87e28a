import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

import type { Counters } from '../cluster/counters.js';
import type { Batch } from '../hub/batch.js';
import type { Delivery } from '../hub/member.js';
import type { Turn } from '../hub/turn.js';
import type { SlowClientPolicy } from './adapter.options.js';
import type { SharedDeflate } from './shared-deflate.js';

const OPEN = 1;
/** "Too slow": the client did not read what it was sent. */
const TOO_SLOW = 4408;
/** The state of a ws sender that has nothing of its own under way (deflate, blobs). */
const SENDER_IDLE = 0;

export interface FrameWriterOptions {
  readonly bufferLimitBytes: number;
  readonly slowClient: SlowClientPolicy;
  /** Undefined where nothing is compressed. */
  readonly deflate: SharedDeflate | undefined;
  readonly turn: Turn;
  readonly counters: Pick<Counters, 'dropped' | 'slowDisconnects'>;
}

/** The parts of ws that tell whether a frame may go straight to the socket. Not public: where they differ, `send` is used. */
interface SenderInternals {
  readonly _state?: unknown;
  readonly _firstFragment?: unknown;
}

/** A message that waits for the end of one that the app sends in fragments. */
interface Held {
  readonly batch: Batch;
  readonly delivery: Delivery;
}

/** Writes ready frames to one WebSocket. A frame neither overtakes what ws has queued nor cuts a message sent in fragments. */
export class FrameWriter {
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly #options: FrameWriterOptions;
  /** Undefined where ws is not as we know it: then each frame goes through `ws.send`. */
  readonly #sender: SenderInternals | undefined;
  readonly #plain: boolean;
  /** Where the connection compresses, and can share what is compressed. */
  readonly #deflate: SharedDeflate | undefined;
  #held: Held[] | undefined;
  #heldBytes = 0;
  #turn = 0;
  #corkedIn = 0;
  /** What was waiting when the turn began: that much the client had time to read, and did not. */
  #unreadBytes = 0;

  constructor(ws: WebSocket, socket: Duplex, options: FrameWriterOptions) {
    this.#ws = ws;
    this.#socket = socket;
    this.#options = options;
    this.#plain = ws.extensions === '';
    this.#deflate = options.deflate?.suits(ws) ? options.deflate : undefined;
    const sender = (ws as unknown as { _sender?: SenderInternals })._sender;
    if (sender?._state === SENDER_IDLE && typeof sender._firstFragment === 'boolean')
      this.#sender = sender;
  }

  /** @param more whether this turn may have more for the client: then it leaves together */
  write(batch: Batch, delivery: Delivery, more: boolean): void {
    if (this.#ws.readyState !== OPEN) return;
    if (this.#inFragments()) {
      this.#hold(batch, delivery);
      return;
    }
    if (this.#held) this.resume();
    this.#beginTurn();
    const { bufferLimitBytes, counters } = this.#options;
    if (delivery.volatile && this.#unreadBytes > 0) counters.dropped += batch.frames.length;
    else if (this.#unreadBytes > bufferLimitBytes) this.#tooSlow(batch);
    else if (this.#sender?._state !== SENDER_IDLE) this.#sendEach(batch, delivery);
    else if (this.#plain || (this.#deflate && !delivery.compress))
      this.#writeStraight(batch.wire, more);
    else if (this.#deflate) this.#writeStraight(this.#deflate.wireOf(batch), more);
    else this.#sendEach(batch, delivery);
  }

  /** Writes a frame for this client alone: there is nobody to share what is deflated with, so ws may do that off this thread. */
  writeOne(batch: Batch, delivery: Delivery): void {
    if (
      this.#deflate &&
      delivery.compress &&
      !this.#inFragments() &&
      this.#deflate.deflates(batch.frames[0]!)
    ) {
      if (this.#ws.readyState !== OPEN) return;
      if (this.#held) this.resume();
      this.#beginTurn();
      if (this.#unreadBytes > this.#options.bufferLimitBytes) this.#tooSlow(batch);
      else this.#sendEach(batch, delivery);
      return;
    }
    this.write(batch, delivery, true);
  }

  /** The app has sent something through ws: if that ended a message in fragments, what waited for it goes. */
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

  #inFragments(): boolean {
    return this.#sender?._firstFragment === false;
  }

  #hold(batch: Batch, delivery: Delivery): void {
    if (this.#heldBytes > this.#options.bufferLimitBytes) return this.#tooSlow(batch);
    this.#heldBytes += batch.bytes;
    (this.#held ??= []).push({ batch, delivery });
  }

  #beginTurn(): void {
    const { turn } = this.#options;
    if (this.#turn === turn.number) return;
    turn.begin();
    this.#turn = turn.number;
    this.#unreadBytes = this.#ws.bufferedAmount;
  }

  #writeStraight(wire: readonly Buffer[], more: boolean): void {
    const { turn } = this.#options;
    if ((more || wire.length > 1) && this.#corkedIn !== turn.number) {
      this.#corkedIn = turn.number;
      turn.cork(this.#socket);
    }
    for (const bytes of wire) this.#socket.write(bytes);
  }

  #sendEach({ frames }: Batch, { compress }: Delivery): void {
    for (const { payload, binary } of frames) this.#ws.send(payload, { binary, compress });
  }

  #tooSlow(batch: Batch): void {
    const { counters, slowClient } = this.#options;
    if (slowClient === 'drop') {
      counters.dropped += batch.frames.length;
      return;
    }
    counters.slowDisconnects++;
    this.#ws.close(TOO_SLOW, 'too slow');
  }
}
