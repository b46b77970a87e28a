import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Silence } from '../../lib/timing/silence.js';

describe('A silence', () => {
  let silence: Silence;
  const fates: string[] = [];
  const answers: (() => void)[] = [];

  const ask = (name: string): void => {
    silence.wait(new Promise<void>((resolve) => answers.push(resolve))).then(
      () => fates.push(name),
      (error: Error) => fates.push(`${name} ${error.message}`),
    );
  };

  beforeEach(() => {
    jest.useFakeTimers();
    silence = new Silence(1_000, () => new Error('silent'));
    fates.length = 0;
    answers.length = 0;
  });

  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('ends all waits when nothing was answered for so long', async () => {
    ask('a');
    ask('b');
    await jest.advanceTimersByTimeAsync(999);
    expect(fates).toEqual([]);
    await jest.advanceTimersByTimeAsync(2);
    expect(fates).toEqual(['a silent', 'b silent']);
    ask('c');
    answers[2]!();
    await jest.advanceTimersByTimeAsync(0);
    expect(fates.at(-1)).toBe('c');
  });

  it('is none while some are answered, however long the others wait', async () => {
    for (const name of ['a', 'b', 'c', 'd']) ask(name);
    for (const answer of answers.slice(0, 3)) {
      await jest.advanceTimersByTimeAsync(900);
      answer();
    }
    await jest.advanceTimersByTimeAsync(900);
    silence.heard();
    await jest.advanceTimersByTimeAsync(900);
    expect(fates).toEqual(['a', 'b', 'c']);
    await jest.advanceTimersByTimeAsync(101);
    expect(fates).toEqual(['a', 'b', 'c', 'd silent']);
  });

  it('ends at once when nobody is waited for', async () => {
    ask('a');
    ask('b');
    silence.end(new Error('over'));
    for (const answer of answers) answer();
    await jest.advanceTimersByTimeAsync(0);
    expect(fates).toEqual(['a over', 'b over']);
  });
});
