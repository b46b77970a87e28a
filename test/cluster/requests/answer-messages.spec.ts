import { describe, expect, it } from '@jest/globals';
import {
  askedOrAnswersIn,
  doneIn,
  fetchedIn,
} from '../../../lib/cluster/requests/answer-messages.js';

const GOOD: readonly [name: string, read: (message: unknown) => unknown, messages: object[]][] = [
  [
    'count',
    doneIn,
    [
      { connections: 0, unknown: [] },
      { connections: 1, unknown: ['a'], refused: [['b', 5]], added: 'by a later version' },
    ],
  ],
  [
    'fetch',
    fetchedIn,
    [{ sockets: [{ id: 'a', userId: 'u', rooms: ['r'], data: 1 }], unknown: [] }],
  ],
  [
    'ask',
    askedOrAnswersIn,
    [
      { asked: ['a'], unknown: [] },
      { answers: [['a', { data: 1 }]], closed: [], tooLarge: ['b'] },
    ],
  ],
];

describe('an answer of another instance', () => {
  it.each(GOOD)('to %s is taken as it is', (_, read, messages) => {
    for (const message of messages) expect(read(message)).toBe(message);
  });

  it.each(GOOD)('to %s is refused where it is of another form', (_, read) => {
    for (const message of [null, 1, 'text', [], undefined])
      expect(() => read(message)).toThrow('no answer to this request');
  });

  it.each<[(message: unknown) => unknown, object]>([
    [doneIn, {}],
    [doneIn, { connections: '1', unknown: [] }],
    [doneIn, { connections: -1, unknown: [] }],
    [doneIn, { connections: 1e308, unknown: [] }],
    [doneIn, { connections: 1, unknown: [1] }],
    [doneIn, { connections: 1, unknown: [], refused: [['a', -1]] }],
    [fetchedIn, { sockets: [null], unknown: [] }],
    [fetchedIn, { sockets: [{ id: 1, rooms: [] }], unknown: [] }],
    [fetchedIn, { sockets: [{ id: 'a', rooms: 'r' }], unknown: [] }],
    [fetchedIn, { sockets: [{ id: 'a', rooms: [], userId: {} }], unknown: [] }],
    [askedOrAnswersIn, { asked: 'a', unknown: [] }],
    [askedOrAnswersIn, { answers: [['a', null]], closed: [] }],
    [askedOrAnswersIn, { answers: [[1, {}]], closed: [] }],
    [askedOrAnswersIn, { answers: [], closed: {} }],
    [askedOrAnswersIn, { answers: [], closed: [], tooLarge: [7] }],
  ])('is refused where a member is of another kind, or out of range (%#)', (read, message) => {
    expect(() => read(message)).toThrow('no answer to this request');
  });
});
