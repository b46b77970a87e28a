import type { BackplaneSocket } from './backplane-socket.js';

const MAX_ID_LENGTH = 255;

export type RequestId = string | number;

/** A client's id for its request goes back as it came, so it is taken only in forms that do. */
export function isRequestId(id: unknown): id is RequestId {
  return Number.isFinite(id) || (typeof id === 'string' && id.length <= MAX_ID_LENGTH);
}

/** A message of a client that wants an answer. It gets one: the first that is given. */
export class ClientRequest {
  readonly socket: BackplaneSocket;
  readonly #id: RequestId;
  #answered = false;
  /** Handlers that may still answer. */
  #open: number;

  /** @param handlers how many of them were asked */
  constructor(socket: BackplaneSocket, id: RequestId, handlers: number) {
    this.socket = socket;
    this.#id = id;
    this.#open = handlers;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** Also what `@Ack()` gives to a handler. @throws TypeError for data that JSON cannot hold */
  readonly answer = (data?: unknown): void => {
    if (this.#answered) return;
    const text = JSON.stringify({ id: this.#id, data: data ?? null });
    this.#answered = true;
    this.socket.writeText(text);
  };

  /** A handler has ended without a word: that is the answer if no other has one. */
  endSilently(): void {
    if (--this.#open <= 0) this.answer();
  }

  fail(error: unknown): void {
    if (this.#answered) return;
    const text = JSON.stringify({ id: this.#id, error: withoutEcho(error) });
    this.#answered = true;
    this.socket.writeText(text);
  }
}

/** Nest's exceptions repeat the client's message as their cause. An answer's id says which message it is about. */
function withoutEcho(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('status' in error) || !('cause' in error))
    return error;
  const { cause: _, ...rest } = error;
  return rest;
}
