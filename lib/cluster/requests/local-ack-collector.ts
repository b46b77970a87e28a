import { Deadline } from '../../timing/deadline.js';
import type { Frame } from '../../hub/frame.js';
import { MAX_ANSWER_BYTES } from './answer-bounds.js';
import type { AnswersMessage, AskedMessage } from './answer-messages.js';
import type { Reply } from './response-writer.js';
import type { AnswerListener, ClientAnswer, Connection } from '../local/connection.js';
import type { PeerRequest } from './peer-request.js';

/** Answers of clients that come so soon after one another travel together. */
const GATHER_MS = 10;
/**
 * So many bytes of them travel at once: what is larger would hold up both processes while it is
 * encoded and read.
 */
const GATHER_BYTES = 256 * 1024;
/** Of an answer on its way to the requester: the connection's id and what stands between. */
const BYTES_AROUND_ANSWER = 64;

/**
 * Asks connections of this instance one request, and tells the requester what became of it.
 * OutcomeCallbacks at the request's deadline.
 */
export class LocalAckCollector implements AnswerListener {
  readonly #request: PeerRequest;
  readonly #reply: Reply;
  readonly #onEnd: () => void;
  readonly #hasRoom: (bytes: number) => boolean;
  readonly #waiting: Map<string, Connection>;
  #answers: [string, ClientAnswer][] = [];
  #closed: string[] = [];
  #tooLarge: string[] = [];
  /** Of the clients' answers: all, and those that are not reported yet. */
  #totalBytes = 0;
  #untoldBytes = 0;
  #deadline: Deadline | undefined;
  #gathering: NodeJS.Timeout | undefined;

  constructor(
    request: PeerRequest,
    connections: readonly Connection[],
    reply: Reply,
    onEnd: () => void,
    hasRoom: (bytes: number) => boolean,
  ) {
    this.#request = request;
    this.#reply = reply;
    this.#onEnd = onEnd;
    this.#hasRoom = hasRoom;
    this.#waiting = new Map(connections.map((connection) => [connection.id, connection]));
  }

  start(frame: Frame, unknown: readonly string[]): void {
    const { id, delivery, timeoutMs } = this.#request;
    const asked = [...this.#waiting.keys()];
    this.#reply({ asked, unknown } satisfies AskedMessage, asked.length === 0);
    if (asked.length === 0) return this.end();
    this.#deadline = new Deadline(timeoutMs, () => this.end());
    for (const connection of this.#waiting.values()) connection.ask(id, frame, delivery, this);
  }

  answered(connectionId: string, answer: ClientAnswer, bytes: number): void {
    if (!this.#waiting.delete(connectionId)) return;
    const cost = bytes + BYTES_AROUND_ANSWER;
    const fits =
      this.#totalBytes + cost <= MAX_ANSWER_BYTES && this.#hasRoom(this.#untoldBytes + cost);
    if (fits) {
      this.#answers.push([connectionId, answer]);
      this.#totalBytes += cost;
      this.#untoldBytes += cost;
    } else {
      this.#tooLarge.push(connectionId);
    }
    this.#gather();
  }

  closed(connectionId: string): void {
    if (!this.#waiting.delete(connectionId)) return;
    this.#closed.push(connectionId);
    this.#gather();
  }

  /** Waits no longer, and tells nothing more. */
  end(): void {
    this.#deadline?.cancel();
    clearTimeout(this.#gathering);
    for (const connection of this.#waiting.values()) connection.withdraw(this.#request.id);
    this.#waiting.clear();
    this.#onEnd();
  }

  #gather(): void {
    if (this.#waiting.size === 0 || this.#untoldBytes >= GATHER_BYTES) this.#tell();
    else this.#gathering ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  #tell(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const last = this.#waiting.size === 0;
    const said: AnswersMessage = {
      answers: this.#answers,
      closed: this.#closed,
      ...(this.#tooLarge.length > 0 ? { tooLarge: this.#tooLarge } : {}),
    };
    const bytes = this.#untoldBytes;
    this.#answers = [];
    this.#closed = [];
    this.#tooLarge = [];
    this.#untoldBytes = 0;
    this.#reply(said, last, bytes);
    if (last) this.end();
  }
}
