import { jsonText } from '../../cluster/common/json.js';
import type { BackplaneSocket } from '../client/backplane-socket.js';
import { INTERNAL_ERROR } from '../client/failure.js';

const MAX_ID_LENGTH = 255;
/** To a client that asks `if (error)`. */
const LOOKS_LIKE_NO_ERROR: ReadonlySet<string> = new Set(['null', 'false', '0', '""']);

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
  /** Of the first handler that failed without an answer. */
  #failure: unknown;

  /** @param handlers how many of them were asked */
  constructor(socket: BackplaneSocket, id: RequestId, handlers: number) {
    this.socket = socket;
    this.#id = id;
    this.#open = handlers;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** @throws TypeError for data that JSON cannot hold */
  answer(data?: unknown): void {
    if (this.#answered) return;
    this.#write('data', jsonText('The answer', data ?? null));
  }

  /**
   * A handler has ended without a word: that is the answer if no other has one.
   * @param failure undefined for a success
   */
  endSilently(failure?: unknown): void {
    this.#failure ??= failure;
    if (--this.#open > 0) return;
    if (this.#failure === undefined) this.answer();
    else this.fail(this.#failure);
  }

  /**
   * Says the error, or an internal one for what a client would take for none. @throws TypeError as
   * {@link answer}
   */
  fail(error: unknown): void {
    if (this.#answered) return;
    const encoded = jsonText('The error', withoutEcho(error) ?? null);
    this.#write(
      'error',
      LOOKS_LIKE_NO_ERROR.has(encoded) ? JSON.stringify(INTERNAL_ERROR) : encoded,
    );
  }

  #write(member: 'data' | 'error', text: string): void {
    this.#answered = true;
    this.socket.writeText(`{"id":${JSON.stringify(this.#id)},"${member}":${text}}`);
  }
}

/**
 * Nest's exceptions repeat the client's message as their cause. An answer's id says which message
 * it is about.
 */
function withoutEcho(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('status' in error) || !('cause' in error))
    return error;
  const { cause: _, ...rest } = error;
  return rest;
}
