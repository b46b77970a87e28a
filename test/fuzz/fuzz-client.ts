import { isUtf8 } from 'node:buffer';
import { WebSocket } from 'ws';
import { withDeadline } from '../support/deadline.js';
import type { Random } from '../support/random.js';

/** How long the server may take to work off a batch, on a machine that is busy. */
const MARK_TIMEOUT_MS = 60_000;
const KEPT_QUESTIONS = 20;

/**
 * A client that keeps nothing of what it gets, but the ids of its last questions, and comes back
 * when it is sent away.
 */
export class FuzzClient {
  /** Of the last questions that it was asked. */
  readonly questions: unknown[] = [];
  reconnects = 0;
  readonly #url: string;
  #socket: WebSocket | undefined;
  #marks = 0;
  #onMark: ((mark: string) => void) | undefined;
  #onClose: (() => void) | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  /** As text or as bytes, whole or in fragments. */
  async send(frame: Buffer, random: Random): Promise<void> {
    const socket = await this.#connected();
    // Text that is not UTF-8 costs a connection: now and then is enough.
    const binary = isUtf8(frame) ? random.chance(0.3) : random.chance(0.97);
    if (random.chance(0.1)) {
      const at = random.between(0, frame.length);
      socket.send(frame.subarray(0, at), { binary, fin: false });
      socket.send(frame.subarray(at), { fin: true });
    } else socket.send(frame, { binary });
  }

  /**
   * Resolves when the server has answered a request behind all that was sent; connects anew where
   * it was sent away.
   */
  async settle(): Promise<void> {
    for (;;) {
      const socket = await this.#connected();
      const mark = `mark-${++this.#marks}`;
      const settled = new Promise<boolean>((resolve) => {
        this.#onClose = () => resolve(false);
        this.#onMark = (arrived) => {
          if (arrived === mark) resolve(true);
        };
      });
      socket.send(JSON.stringify({ event: 'mark', data: mark, id: mark }));
      if (await withDeadline(settled, 'the mark', MARK_TIMEOUT_MS)) return;
    }
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.terminate();
    await closed;
  }

  async #connected(): Promise<WebSocket> {
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#socket;
    if (this.#socket) this.reconnects++;
    this.questions.length = 0;
    const socket = new WebSocket(this.#url);
    socket.on('error', () => {}); // ends in 'close'
    socket.on('close', () => this.#onClose?.());
    socket.on('message', (data: Buffer) => this.#receive(data.toString('latin1')));
    await withDeadline(
      new Promise((resolve) => socket.once('open', resolve)),
      'the client to connect',
      MARK_TIMEOUT_MS,
    );
    this.#socket = socket;
    return socket;
  }

  #receive(text: string): void {
    const mark = /^\{"id":"(mark-\d+)"/.exec(text);
    if (mark) return this.#onMark?.(mark[1]!);
    const question = text.startsWith('{"event":"q"') && /"id":("[^"]*"|\d+)\}$/.exec(text);
    if (!question) return;
    this.questions.push(JSON.parse(question[1]!));
    if (this.questions.length > KEPT_QUESTIONS) this.questions.shift();
  }
}
