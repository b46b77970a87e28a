import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

import type { HeartbeatOptions } from './adapter.options.js';

const MAX_TICK_MS = 1_000;
const STANDSTILL_MS = 50;

/** When a connection was last heard. Whole milliseconds, which take no memory of their own. */
export class Pulse {
  readonly ws: WebSocket;
  readonly #stream: Duplex & { readonly bytesRead?: number };
  #bytesRead = 0;
  #heardAt = now();
  /** When the unanswered ping left; 0 for none. */
  #pingedAt = 0;

  constructor(ws: WebSocket, stream: Duplex) {
    this.ws = ws;
    this.#stream = stream;
  }

  /** Pings the connection if it has been silent, and drops it if it then does not answer. */
  check({ intervalMs, timeoutMs }: HeartbeatOptions): void {
    const { ws } = this;
    // A paused socket is not read: what the peer answered would not be heard.
    if (ws.isPaused || ws.readyState !== ws.OPEN) return;
    const at = now();
    const { bytesRead } = this.#stream;
    // A stream that does not count what it reads tells nothing, so it is left alone.
    if (bytesRead === undefined || bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead ?? 0;
      this.#heardAt = at;
      this.#pingedAt = 0;
    } else if (this.#pingedAt > 0) {
      if (at - this.#pingedAt >= timeoutMs) ws.terminate();
    } else if (at - this.#heardAt >= intervalMs) {
      this.#pingedAt = at;
      ws.ping();
    }
  }
}

/** Pings connections that have been silent, and drops those that then do not answer: the peer is gone, and no FIN will come. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #groups = new Set<Iterable<{ readonly pulse: Pulse }>>();
  readonly #timer: NodeJS.Timeout;
  readonly #tickMs: number;
  #beatAt = performance.now();

  constructor(options: HeartbeatOptions) {
    const { intervalMs, timeoutMs } = options;
    this.#options = options;
    this.#tickMs = Math.min(MAX_TICK_MS, intervalMs / 4, timeoutMs / 4);
    this.#timer = setInterval(() => this.#beat(), this.#tickMs);
    this.#timer.unref();
  }

  /** @param group connections that come and go */
  watch(group: Iterable<{ readonly pulse: Pulse }>): void {
    this.#groups.add(group);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#groups.clear();
  }

  #beat(): void {
    const at = performance.now();
    const late = at - this.#beatAt > 2 * this.#tickMs + STANDSTILL_MS;
    this.#beatAt = at;
    // This process stood still: answers may be there, and wait to be read.
    if (late) return;
    for (const group of this.#groups) for (const { pulse } of group) pulse.check(this.#options);
  }
}

function now(): number {
  return Math.round(performance.now());
}
