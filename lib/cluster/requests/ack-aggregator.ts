import type { Target } from '../../hub/target.js';
import type { AnswersMessage, AskedMessage } from './answer-messages.js';
import { type Unanswered, staleOf } from './peer-requests.js';
import type { ClientAnswer } from '../local/connection.js';
import type { ThrottledLog } from '../common/throttled-log.js';
import { entries, missingOf } from './missing.js';
import type { AckAnswer, AckOptions, AckResult } from './results.js';

/** The requester's side of `emitWithAck`: who was asked, who has answered, who has gone. */
export class AckAggregator {
  readonly #onAnswer: AckOptions['onAnswer'];
  readonly #log: ThrottledLog;
  readonly #answers: AckAnswer[] = [];
  readonly #closed: string[] = [];
  readonly #tooLarge: string[] = [];
  readonly #unknown: string[] = [];
  /** By instance, whose answers are waited for. */
  readonly #waiting = new Map<string, Set<string>>();

  constructor(onAnswer: AckOptions['onAnswer'], log: ThrottledLog) {
    this.#onAnswer = onAnswer;
    this.#log = log;
  }

  add(instanceId: string, message: AskedMessage | AnswersMessage): void {
    if ('asked' in message) {
      this.#waiting.set(instanceId, new Set(message.asked));
      for (const id of message.unknown) this.#unknown.push(id);
      return;
    }
    const waiting = this.#waiting.get(instanceId);
    for (const id of message.closed) if (waiting?.delete(id)) this.#closed.push(id);
    for (const id of message.tooLarge ?? []) if (waiting?.delete(id)) this.#tooLarge.push(id);
    for (const [connectionId, answer] of message.answers) {
      if (!waiting?.delete(connectionId)) continue;
      const given = answerOf(connectionId, answer);
      this.#answers.push(given);
      this.#tell(given);
    }
  }

  #tell(answer: AckAnswer): void {
    try {
      this.#onAnswer?.(answer);
    } catch (error) {
      this.#log.error('on-answer', 'The "onAnswer" of an emitWithAck threw', error);
    }
  }

  result(target: Target, unanswered: Unanswered): AckResult {
    const stillWaiting = (instanceId: string): string[] | undefined => {
      const waiting = this.#waiting.get(instanceId);
      return waiting && [...waiting];
    };
    return {
      answers: this.#answers,
      missing: [
        ...entries(this.#closed, 'CONNECTION_CLOSED'),
        ...entries(this.#tooLarge, 'ANSWER_TOO_LARGE'),
        ...missingOf(target, unanswered, this.#unknown, stillWaiting),
      ],
      ...staleOf(unanswered),
    };
  }
}

/**
 * JSON leaves a member out whose value it cannot hold: a function, as an app's `messageParser` may
 * have returned.
 */
const NOT_JSON = Object.freeze({
  status: 'error',
  message: 'The answer is nothing that JSON can hold.',
});

function answerOf(connectionId: string, answer: ClientAnswer): AckAnswer {
  if ('error' in answer) return { connectionId, error: answer.error };
  return 'data' in answer ? { connectionId, data: answer.data } : { connectionId, error: NOT_JSON };
}
