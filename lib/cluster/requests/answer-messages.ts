import type { ClientAnswer } from '../local/connection.js';
import { isCount, isStrings } from '../wire/control-payload.js';
import type { SocketDescription } from './results.js';

/** The answer to `count`, `join`, `leave` and `disconnect`. */
export interface DoneMessage {
  readonly connections: number;
  /** Named connections of this instance that there are not. */
  readonly unknown: readonly string[];
  /**
   * Of `join`: who would have been in too many rooms, each with its limit, and is in none of them.
   * Left out where there is nobody.
   */
  readonly refused?: readonly Refused[];
}

export type Refused = readonly [connectionId: string, max: number];

/** The answer to `fetch`. */
export interface FetchedMessage {
  readonly sockets: readonly Omit<SocketDescription, 'instanceId'>[];
  readonly unknown: readonly string[];
}

/** The first message of an answer to `ask`: who is being asked. */
export interface AskedMessage {
  readonly asked: readonly string[];
  readonly unknown: readonly string[];
}

/** Any later one: who has answered, and who has gone. */
export interface AnswersMessage {
  readonly answers: readonly (readonly [connectionId: string, answer: ClientAnswer])[];
  readonly closed: readonly string[];
  /** The connections whose answers were too large. Left out if there are none. */
  readonly tooLarge?: readonly string[];
}

/*
 * Messages of other instances' answers, as they come out of JSON: of whatever form. One that is not
 * intelligible makes the instance's answer a lost one, and costs the answers of the others nothing.
 */

/** @throws TypeError for anything else */
export function doneIn(message: unknown): DoneMessage {
  const { connections, unknown, refused = [] } = fieldsOf(message);
  const isDone = isCount(connections) && isStrings(unknown);
  if (!isDone || !Array.isArray(refused) || !refused.every(isRefused)) throw unintelligible();
  return message as DoneMessage;
}

/** @throws TypeError for anything else */
export function fetchedIn(message: unknown): FetchedMessage {
  const { sockets, unknown } = fieldsOf(message);
  if (!Array.isArray(sockets) || !sockets.every(isSocket) || !isStrings(unknown))
    throw unintelligible();
  return message as FetchedMessage;
}

/** @throws TypeError for anything else */
export function askedOrAnswersIn(message: unknown): AskedMessage | AnswersMessage {
  const { asked, unknown, answers, closed, tooLarge = [] } = fieldsOf(message);
  const isAsked = isStrings(asked) && isStrings(unknown);
  const isAnswers =
    Array.isArray(answers) && answers.every(isAnswer) && isStrings(closed) && isStrings(tooLarge);
  if (!isAsked && !isAnswers) throw unintelligible();
  return message as AskedMessage | AnswersMessage;
}

function fieldsOf(message: unknown): Readonly<Record<string, unknown>> {
  return isObject(message) ? message : {};
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isSocket(socket: unknown): boolean {
  if (!isObject(socket)) return false;
  const { id, userId, rooms } = socket;
  return (
    typeof id === 'string' &&
    (userId === undefined || typeof userId === 'string') &&
    isStrings(rooms)
  );
}

function isRefused(refused: unknown): boolean {
  return Array.isArray(refused) && typeof refused[0] === 'string' && isCount(refused[1]);
}

function isAnswer(answer: unknown): boolean {
  return Array.isArray(answer) && typeof answer[0] === 'string' && isObject(answer[1]);
}

function unintelligible(): TypeError {
  return new TypeError('An instance answered with what is no answer to this request.');
}
