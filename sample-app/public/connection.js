import { backoff } from './backoff.js';

const ANSWER_TIMEOUT_MS = 8_000;
/**
 * Instances pulse every two seconds: after this long a silence the connection is dead, whatever it
 * looks like.
 */
const SILENCE_MS = 15_000;

/** The server may or may not have done what it was asked for. */
export class ConnectionLost extends Error {}

/**
 * A WebSocket that comes back. Fires `state` (detail: `{ state, attempt, delayMs, code }`, state
 * one of connecting, open, waiting) and `message` (detail: `{ event, data, id }`).
 */
export class Connection extends EventTarget {
  #url;
  #socket;
  #attempt = 0;
  #retry;
  #silence;
  #lastId = 0;
  #asked = new Map();

  constructor(url) {
    super();
    this.#url = url;
    addEventListener('online', () => this.retryNow());
  }

  /** Opens, or opens anew with another URL. */
  open(url = this.#url) {
    this.#url = url;
    this.#attempt = 0;
    this.#connect();
  }

  /** Ends the wait for the next attempt. */
  retryNow() {
    if (this.#retry !== undefined) this.#connect();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Sends, or loses, a message that nobody waits for. */
  send(event, data) {
    if (this.isOpen) this.#socket.send(JSON.stringify({ event, data }));
  }

  /** Answers a message of the server that wants it: one with an id. */
  answer(id, data) {
    if (this.isOpen) this.#socket.send(JSON.stringify({ id, data }));
  }

  /**
   * Resolves with the server's answer, rejects with its reason, or with a {@link ConnectionLost}.
   */
  request(event, data, { timeoutMs = ANSWER_TIMEOUT_MS } = {}) {
    if (!this.isOpen)
      return Promise.reject(new ConnectionLost('There is no connection right now.'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const giveUp = () => this.#settle(id, new Error('The server did not answer in time.'));
      const timer = timeoutMs === Infinity ? undefined : setTimeout(giveUp, timeoutMs);
      this.#asked.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ event, data, id }));
    });
  }

  #connect() {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#drop();
    this.#tell('connecting', { attempt: this.#attempt });
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.addEventListener('open', () => {
      if (socket !== this.#socket) return;
      this.#tell('open');
      this.#listen();
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket === this.#socket) this.#receive(data);
    });
    socket.addEventListener('close', ({ code }) => {
      if (socket === this.#socket) this.#lost(code);
    });
  }

  #receive(text) {
    this.#listen();
    const frame = JSON.parse(text);
    if (frame.event === undefined) {
      const { id, data, error } = frame;
      return this.#settle(id, error && new Error(error.message), data);
    }
    // Only a connection that was served counts as a success.
    if (frame.event === 'welcome') this.#attempt = 0;
    this.dispatchEvent(new CustomEvent('message', { detail: frame }));
  }

  #lost(code) {
    this.#drop();
    this.#attempt++;
    const delayMs = backoff(this.#attempt);
    this.#retry = setTimeout(() => this.#connect(), delayMs);
    this.#tell('waiting', { attempt: this.#attempt, delayMs, code });
  }

  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(1006), SILENCE_MS);
  }

  #drop() {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    for (const id of this.#asked.keys()) {
      this.#settle(id, new ConnectionLost('The connection was lost.'));
    }
  }

  #settle(id, error, data) {
    const asked = this.#asked.get(id);
    if (!asked) return;
    this.#asked.delete(id);
    clearTimeout(asked.timer);
    if (error) asked.reject(error);
    else asked.resolve(data);
  }

  #tell(state, more = {}) {
    this.dispatchEvent(new CustomEvent('state', { detail: { state, ...more } }));
  }
}
