import { callOptions, timeoutCallOption } from '../../cluster/common/call-options.js';
import type { AnswerListener, ClientAnswer } from '../../cluster/local/connection.js';
import { eventFrame } from '../../cluster/common/message.js';
import { ClientAnswerError } from '../../errors/client-answer.error.js';
import { ConnectionClosedError } from '../../errors/connection-closed.error.js';
import { quote } from '../../errors/quote.js';
import { RequestTimeoutError } from '../../errors/request-timeout.error.js';
import type { Frame } from '../../hub/frame.js';
import type { WriteFlags } from '../../hub/member.js';
import { Deadline } from '../../timing/deadline.js';

export interface RequestOptions {
  /** How long the client may take to answer. Default 5,000. */
  readonly timeoutMs?: number | undefined;
}

/** A client's connection, as far as it is needed to ask it. */
export interface AskedClient {
  readonly id: string;
  readonly readyState: number;
  readonly raw: { once(event: 'close', listener: () => void): unknown };
  /** Behind all broadcasts that it is due. */
  sendFrame(frame: Frame, delivery: WriteFlags): void;
}

const OPEN = 1;
const DEFAULT_TIMEOUT_MS = 5_000;
const DIRECT: WriteFlags = Object.freeze({ volatile: false, compress: true });

/** The questions to one client that it has not answered yet, by the ids in their frames. */
export class ClientQuestions {
  readonly #socket: AskedClient;
  readonly #open = new Map<string | number, AnswerListener>();
  #serial = 0;

  constructor(socket: AskedClient) {
    this.#socket = socket;
    socket.raw.once('close', () => {
      const listeners = [...this.#open.values()];
      this.#open.clear();
      for (const listener of listeners) listener.closed(socket.id);
    });
  }

  /** Questions that are not answered. */
  get size(): number {
    return this.#open.size;
  }

  /** Never throws. */
  ask(id: string | number, frame: Frame, delivery: WriteFlags, listener: AnswerListener): void {
    if (this.#socket.readyState !== OPEN) return listener.closed(this.#socket.id);
    this.#open.set(id, listener);
    this.#socket.sendFrame(frame, delivery);
  }

  withdraw(id: string | number): void {
    this.#open.delete(id);
  }

  /** @param bytes of the frame that the answer came in */
  take(
    id: unknown,
    message: { readonly data?: unknown; readonly error?: unknown },
    bytes: number,
  ): boolean {
    const listener = this.#open.get(id as string | number);
    if (!listener) return false;
    this.#open.delete(id as string | number);
    const { data = null, error } = message;
    listener.answered(this.#socket.id, error === undefined ? { data } : { error }, bytes);
    return true;
  }

  async request(event: string, data: unknown, given?: RequestOptions | null): Promise<unknown> {
    const options = callOptions('request()', given, ['timeoutMs']);
    const timeoutMs = timeoutCallOption('request()', options.timeoutMs) ?? DEFAULT_TIMEOUT_MS;
    // Those of other instances' questions are strings: the two never meet.
    const id = ++this.#serial;
    const frame = eventFrame(event, data, id);
    let deadline: Deadline | undefined;
    const answer = await new Promise<ClientAnswer>((resolve, reject) => {
      deadline = new Deadline(timeoutMs, () => {
        this.withdraw(id);
        reject(new RequestTimeoutError(`the connection ${quote(this.#socket.id)}`));
      });
      this.ask(id, frame, DIRECT, {
        answered: (_, received) => resolve(received),
        closed: (connectionId) => reject(new ConnectionClosedError(connectionId)),
      });
    }).finally(() => deadline?.cancel());
    if ('error' in answer) throw new ClientAnswerError(answer.error);
    return answer.data;
  }
}
