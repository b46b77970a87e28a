import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

import type { Counters } from '../cluster/counters.js';
import type { Frame } from '../hub/frame.js';
import type { Delivery } from '../hub/member.js';
import type { SlowClientPolicy } from './adapter.options.js';
import type { TurnWriter } from './turn-writer.js';

const OPEN = 1;
/** "Too slow": the client did not read what it was sent. */
const TOO_SLOW = 4408;
/** The state of a ws sender that has nothing of its own under way (deflate, blobs). */
const SENDER_IDLE = 0;

export interface FrameWriterOptions {
  readonly bufferLimitBytes: number;
  readonly slowClient: SlowClientPolicy;
  readonly turns: TurnWriter;
  readonly counters: Pick<Counters, 'dropped' | 'slowDisconnects'>;
}

/** The parts of ws that tell whether a frame may go straight to the socket. Not public: where they differ, `send` is used. */
interface SenderInternals {
  readonly _state?: unknown;
  readonly _firstFragment?: unknown;
}

/** Writes ready frames to one WebSocket. */
export class FrameWriter {
  readonly #ws: WebSocket;
  readonly #options: FrameWriterOptions;
  /** Where ready frames may go; undefined where each must go through `ws.send`. */
  readonly #socket: Duplex | undefined;
  readonly #sender: SenderInternals | undefined;
  #turn = 0;
  /** What was waiting when the turn began: that much the client had time to read, and did not. */
  #unreadBytes = 0;

  constructor(ws: WebSocket, socket: Duplex, options: FrameWriterOptions) {
    this.#ws = ws;
    this.#options = options;
    const sender = (ws as unknown as { _sender?: SenderInternals })._sender;
    const plain = Object.keys(ws.extensions).length === 0;
    if (plain && sender?._state === SENDER_IDLE && typeof sender._firstFragment === 'boolean') {
      this.#socket = socket;
      this.#sender = sender;
    }
  }

  write(frame: Frame, delivery: Delivery): void {
    const ws = this.#ws;
    if (ws.readyState !== OPEN) return;
    this.#beginTurn();
    const { bufferLimitBytes, counters } = this.#options;
    if (delivery.volatile && this.#unreadBytes > 0) {
      counters.dropped++;
    } else if (this.#unreadBytes > bufferLimitBytes) {
      this.#tooSlow();
    } else if (this.#goesStraight()) {
      for (const bytes of frame.wire) this.#socket!.write(bytes);
    } else {
      ws.send(frame.payload, { binary: frame.binary, compress: delivery.compress });
    }
  }

  #beginTurn(): void {
    const { turns } = this.#options;
    if (this.#turn === turns.turn) return;
    this.#turn = turns.turn;
    this.#unreadBytes = this.#ws.bufferedAmount;
    turns.begin(this.#socket);
  }

  /** A ready frame must neither overtake what ws has queued nor cut a message that the app sends in fragments. */
  #goesStraight(): boolean {
    return (
      this.#socket !== undefined &&
      this.#sender!._state === SENDER_IDLE &&
      this.#sender!._firstFragment === true
    );
  }

  #tooSlow(): void {
    const { counters, slowClient } = this.#options;
    if (slowClient === 'drop') {
      counters.dropped++;
      return;
    }
    counters.slowDisconnects++;
    this.#ws.close(TOO_SLOW, 'too slow');
  }
}
