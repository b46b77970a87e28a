import { describe, expect, it } from '@jest/globals';
import { OnceLog } from '../../../lib/cluster/common/once-log.js';
import { FakeLogger } from '../fake-logger.js';

class DebugLogger extends FakeLogger {
  debug(message: string): void {
    this.lines.push(`debug ${message}`);
  }
}

describe('a log of names', () => {
  it('says each name of a kind once', () => {
    const logger = new DebugLogger();
    const once = new OnceLog(logger);
    for (const name of ['a', 'b', 'a', 'a']) once.debug('room', name, () => `no ${name}`);
    once.debug('hub', 'a', () => 'no hub a');
    expect(logger.lines).toEqual(['debug no a', 'debug no b', 'debug no hub a']);
    expect(once.knows('room', 'a')).toBe(true);
    expect(once.knows('room', 'c')).toBe(false);
  });

  it('stops after two hundred names of a kind, and says so', () => {
    const logger = new DebugLogger();
    const once = new OnceLog(logger);
    let made = 0;
    for (let i = 0; i < 1_000; i++) once.debug('path', `/${i}`, () => `no ${++made}`);
    expect(logger.lines).toHaveLength(200);
    expect(logger.lines.at(-1)).toBe(
      'debug no 200 This was the last such line: there are many such names.',
    );
    expect(made).toBe(200);
    once.debug('hub', 'a', () => 'another kind');
    expect(logger.lines).toHaveLength(201);
  });

  it('takes long names that begin alike for one, and prints none of what could forge a line', () => {
    const logger = new DebugLogger();
    const once = new OnceLog(logger);
    for (let i = 0; i < 10; i++) once.debug('path', `${'x'.repeat(500)}${i}`, () => 'a\nb');
    expect(logger.lines).toEqual(['debug a\\nb']);
  });

  it('says nothing to a logger without debug lines', () => {
    const logger = new FakeLogger();
    new OnceLog(logger).debug('room', 'a', () => 'no a');
    expect(logger.lines).toEqual([]);
  });
});
