import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

import type { HeartbeatOptions } from '../options/adapter.options.js';

const MAX_TICK_MS = 1_000;
const STANDSTILL_MS = 50;

/**
 * When a connection was last heard, in the time of its {@link Heartbeat}. Whole milliseconds, which
 * take no memory of their own.
 */
export class Liveness {
  readonly ws: WebSocket;
  readonly #stream: Duplex & { readonly bytesRead?: number; readonly bytesWritten?: number };
  #bytesRead = 0;
  #heardAt = 0;
  /** When the unanswered ping left; 0 for none; negative while the socket is paused. */
  #pingedAt = 0;
  /**
   * How much the peer had taken when it was pinged, while more waited for it; -1: nothing waited.
   */
  #takenBytes = -1;

  constructor(ws: WebSocket, stream: Duplex) {
    this.ws = ws;
    this.#stream = stream;
  }

  /**
   * Pings the connection if it has been silent, and drops it if it then does not answer.
   * @param at the heartbeat's time
   */
  check(options: HeartbeatOptions, at: number): void {
    const { ws } = this;
    if (ws.readyState !== ws.OPEN) return;
    if (ws.isPaused) return this.#checkPaused(options, at);
    const { intervalMs, timeoutMs } = options;
    const { bytesRead } = this.#stream;
    // A stream that does not count what it reads tells nothing, so it is left alone. One that was
    // paused has yet to be read.
    if (this.#pingedAt < 0 || bytesRead === undefined || bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead ?? 0;
      this.#heardAt = at;
      this.#pingedAt = 0;
    } else if (this.#pingedAt > 0) {
      if (at - this.#pingedAt < timeoutMs) return;
      if (this.#takenBytes >= 0 && this.#taken() > this.#takenBytes) this.#noteTaken(at);
      else ws.terminate();
    } else if (at - this.#heardAt >= intervalMs) {
      this.#noteTaken(at);
      ws.ping();
    }
  }

  /**
   * A paused socket is not read, so no answer would be heard. But a peer that has closed its end
   * refuses the ping, which ends the connection. And one that takes nothing for so long while
   * something waits for it is gone, as where the socket is read.
   */
  #checkPaused({ intervalMs, timeoutMs }: HeartbeatOptions, at: number): void {
    const { ws } = this;
    const pingedAt = Math.abs(this.#pingedAt);
    this.#pingedAt = -pingedAt;
    const waited = pingedAt > 0 && this.#takenBytes >= 0;
    if (waited && at - pingedAt < timeoutMs) return;
    if (waited && this.#taken() === this.#takenBytes) return ws.terminate();
    if (at - Math.max(pingedAt, this.#heardAt) < intervalMs) return;
    this.#noteTaken(at);
    this.#pingedAt = -at;
    ws.ping();
  }

  /** A slow peer that reads on is not gone: the ping stands behind what it has yet to read. */
  #noteTaken(at: number): void {
    this.#pingedAt = at;
    this.#takenBytes = this.#stream.writableLength > 0 ? this.#taken() : -1;
  }

  #taken(): number {
    const { bytesWritten = 0, writableLength } = this.#stream;
    return bytesWritten - writableLength;
  }
}

/**
 * Pings connections that have been silent, and drops those that then do not answer: the peer is
 * gone, and no FIN will come.
 *
 * Its time counts only while the event loop runs, and it looks at nobody before what has arrived is
 * read: an answer that waits to be read is none that is missing.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #groups = new Set<Iterable<{ readonly pulse: Liveness }>>();
  readonly #timer: NodeJS.Timeout;
  readonly #tickMs: number;
  #beatAt = performance.now();
  #timeMs = 0;
  #closed = false;

  constructor(options: HeartbeatOptions) {
    const { intervalMs, timeoutMs } = options;
    this.#options = options;
    this.#tickMs = Math.min(MAX_TICK_MS, intervalMs / 4, timeoutMs / 4);
    this.#timer = setInterval(() => this.#beat(), this.#tickMs);
    this.#timer.unref();
  }

  /** @param group connections that come and go */
  watch(group: Iterable<{ readonly pulse: Liveness }>): void {
    this.#groups.add(group);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#groups.clear();
  }

  #beat(): void {
    const at = performance.now();
    const passedMs = at - this.#beatAt;
    this.#beatAt = at;
    const longestMs = 2 * this.#tickMs + STANDSTILL_MS;
    this.#timeMs += Math.min(passedMs, longestMs);
    // This process stood still: its peers get another tick.
    if (passedMs > longestMs) return;
    setImmediate(() => this.#check(Math.round(this.#timeMs)));
  }

  #check(at: number): void {
    if (this.#closed) return;
    for (const group of this.#groups) for (const { pulse } of group) pulse.check(this.#options, at);
  }
}
