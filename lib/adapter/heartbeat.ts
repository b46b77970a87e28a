import type { WebSocket } from 'ws';

import type { HeartbeatOptions } from './adapter.options.js';

interface Pulse {
  heardAt: number;
  /** When the unanswered ping left; 0 for none. */
  pingedAt: number;
}

const MAX_TICK_MS = 1_000;
const STANDSTILL_MS = 50;

/** Pings connections that have been silent, and drops those that then do not answer: the peer is gone, and no FIN will come. */
export class Heartbeat {
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  readonly #pulses = new Map<WebSocket, Pulse>();
  readonly #timer: NodeJS.Timeout;
  readonly #tickMs: number;
  #beatAt = performance.now();

  constructor({ intervalMs, timeoutMs }: HeartbeatOptions) {
    this.#intervalMs = intervalMs;
    this.#timeoutMs = timeoutMs;
    this.#tickMs = Math.min(MAX_TICK_MS, intervalMs / 4, timeoutMs / 4);
    this.#timer = setInterval(() => this.#beat(), this.#tickMs);
    this.#timer.unref();
  }

  watch(ws: WebSocket): void {
    const pulse: Pulse = { heardAt: performance.now(), pingedAt: 0 };
    this.#pulses.set(ws, pulse);
    const hear = (): void => {
      pulse.heardAt = performance.now();
      pulse.pingedAt = 0;
    };
    ws.on('pong', hear);
    ws.on('message', hear);
    ws.once('close', () => this.#pulses.delete(ws));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#pulses.clear();
  }

  #beat(): void {
    const now = performance.now();
    const late = now - this.#beatAt > 2 * this.#tickMs + STANDSTILL_MS;
    this.#beatAt = now;
    // This process stood still: answers may be there, and wait to be read.
    if (late) return;
    for (const [ws, pulse] of this.#pulses) {
      // A paused socket is not read: what the peer answered would not be heard.
      if (ws.isPaused || ws.readyState !== ws.OPEN) continue;
      if (pulse.pingedAt > 0) {
        if (now - pulse.pingedAt >= this.#timeoutMs) ws.terminate();
      } else if (now - pulse.heardAt >= this.#intervalMs) {
        pulse.pingedAt = now;
        ws.ping();
      }
    }
  }
}
