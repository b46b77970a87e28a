import type { Random } from '../support/random.js';
import { mutated, oddJson } from './json-mutants.js';

/** Events of the gateway in `fuzz-app.ts`, and others. */
const EVENTS = [
  'echo',
  'give',
  'tell',
  'log',
  'past',
  'keep',
  'poll',
  'ask',
  'fail',
  'throw',
  'join',
  'stream',
  'unknown',
  '$lost',
  '__proto__',
];

/**
 * One client frame after another, each somehow odd: valid ones with members that are deep, long or
 * of another kind, and such ones with changed bytes.
 * @param questions ids of questions that the client was asked
 */
export function oddFrame(random: Random, questions: readonly unknown[]): Buffer {
  const members: string[] = [];
  const isAnswer = random.chance(0.3);
  if (!isAnswer || random.chance(0.05)) members.push(`"event":${eventText(random)}`);
  if (random.chance(0.9)) members.push(`"data":${valueText(random)}`);
  if (isAnswer && random.chance(0.3)) members.push(`"error":${valueText(random)}`);
  if (isAnswer || random.chance(0.5)) members.push(`"id":${idText(random, questions)}`);
  if (random.chance(0.05))
    members.push(`"${random.pick(['id', 'x', '__proto__'])}":${oddJson(random)}`);
  const text = random.chance(0.03) ? oddJson(random) : `{${shuffled(random, members).join(',')}}`;
  const bytes = Buffer.from(text);
  return random.chance(0.4) ? mutated(random, bytes) : bytes;
}

function eventText(random: Random): string {
  return random.chance(0.95) ? JSON.stringify(random.pick(EVENTS)) : oddJson(random);
}

function valueText(random: Random): string {
  return random.chance(0.3)
    ? JSON.stringify(random.pick([1, 'r', ['r'], { a: 1 }]))
    : oddJson(random);
}

function idText(random: Random, questions: readonly unknown[]): string {
  if (questions.length > 0 && random.chance(0.5)) return JSON.stringify(random.pick(questions));
  return random.chance(0.8) ? String(random.between(1, 50)) : oddJson(random);
}

function shuffled(random: Random, members: readonly string[]): string[] {
  return random.sample(members, members.length);
}
