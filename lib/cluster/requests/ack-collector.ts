import { Deadline } from '../../timing/deadline.js';
import type { Frame } from '../../hub/frame.js';
import type { Reply } from './answer-stream.js';
import type { AnswerListener, ClientAnswer, Connection } from '../connection.js';
import type { Question } from './question.js';

/** The first message of an answer to `ask`: who is being asked. */
export interface AskedMessage {
  readonly asked: readonly string[];
  readonly unknown: readonly string[];
}

/** Any later one: who has answered, and who has gone. */
export interface AnswersMessage {
  readonly answers: readonly (readonly [connectionId: string, answer: ClientAnswer])[];
  readonly closed: readonly string[];
}

/** Answers of clients that come so soon after one another travel together. */
const GATHER_MS = 10;

/** Asks connections of this instance one question, and tells the asker what became of it. Ends at the question's deadline. */
export class AckCollector implements AnswerListener {
  readonly #question: Question;
  readonly #reply: Reply;
  readonly #onEnd: () => void;
  readonly #waiting: Map<string, Connection>;
  #answers: [string, ClientAnswer][] = [];
  #closed: string[] = [];
  #deadline: Deadline | undefined;
  #gathering: NodeJS.Timeout | undefined;

  constructor(
    question: Question,
    connections: readonly Connection[],
    reply: Reply,
    onEnd: () => void,
  ) {
    this.#question = question;
    this.#reply = reply;
    this.#onEnd = onEnd;
    this.#waiting = new Map(connections.map((connection) => [connection.id, connection]));
  }

  start(frame: Frame, unknown: readonly string[]): void {
    const { id, delivery, timeoutMs } = this.#question;
    const asked = [...this.#waiting.keys()];
    this.#reply({ asked, unknown } satisfies AskedMessage, asked.length === 0);
    if (asked.length === 0) return this.end();
    this.#deadline = new Deadline(timeoutMs, () => this.end());
    for (const connection of this.#waiting.values()) connection.ask(id, frame, delivery, this);
  }

  answered(connectionId: string, answer: ClientAnswer): void {
    if (!this.#waiting.delete(connectionId)) return;
    this.#answers.push([connectionId, answer]);
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
    for (const connection of this.#waiting.values()) connection.withdraw(this.#question.id);
    this.#waiting.clear();
    this.#onEnd();
  }

  #gather(): void {
    if (this.#waiting.size === 0) this.#tell();
    else this.#gathering ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  #tell(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const last = this.#waiting.size === 0;
    const said: AnswersMessage = { answers: this.#answers, closed: this.#closed };
    this.#answers = [];
    this.#closed = [];
    this.#reply(said, last);
    if (last) this.end();
  }
}
