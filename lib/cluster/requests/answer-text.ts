import type { ClientAnswer } from '../local/connection.js';
import { jsonText } from '../common/json.js';
import type { AnswersMessage } from './answer-messages.js';

/**
 * A message of an answer as JSON. Clients' answers are written one by one where JSON cannot hold
 * all of them, so that one of them costs no other.
 *
 * @throws TypeError for what JSON cannot hold of anything else
 */
export function answerText(message: unknown): string {
  if (isReturned(message)) return `{"data":${jsonText('The return value', message.data)}}`;
  try {
    return jsonText('The answer', message);
  } catch (error) {
    if (!isAnswers(message)) throw error;
    return answersText(message);
  }
}

/** The return value of a handler of a server event. */
function isReturned(message: unknown): message is { data: unknown } {
  return isObject(message) && 'data' in message && message.data !== undefined;
}

function isAnswers(message: unknown): message is AnswersMessage {
  return isObject(message) && 'answers' in message;
}

function isObject(message: unknown): message is object {
  return typeof message === 'object' && message !== null;
}

/**
 * Put together from texts: a level more around an answer that JSON can just hold would be too much.
 */
function answersText({ answers, ...others }: AnswersMessage): string {
  const texts = answers.map(
    ([id, answer]) => `[${JSON.stringify(id)},${clientAnswerText(answer)}]`,
  );
  return `{"answers":[${texts.join(',')}],${JSON.stringify(others).slice(1)}`;
}

function clientAnswerText(answer: ClientAnswer): string {
  try {
    return jsonText('The answer', answer);
  } catch (error) {
    const { message } = error as TypeError;
    return JSON.stringify({ error: { status: 'error', message } });
  }
}
