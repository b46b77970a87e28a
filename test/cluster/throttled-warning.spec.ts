import { describe, expect, it } from '@jest/globals';
import { ThrottledWarning } from '../../lib/cluster/throttled-warning.js';
import { FakeLogger } from './fake-logger.js';
import { waitFor } from '../support/wait-for.js';

describe('a throttled warning', () => {
  it('is logged at once, and then not again within a minute', () => {
    const logger = new FakeLogger();
    const warning = new ThrottledWarning(logger);
    for (let i = 0; i < 1_000; i++) warning.warn(`number ${i}`);
    expect(logger.lines).toEqual(['warn number 0']);
  });

  it('says how often it happened meanwhile', async () => {
    const logger = new FakeLogger();
    const warning = new ThrottledWarning(logger, 50);
    let times = 0;
    await waitFor('the second line', () => {
      warning.warn('again');
      times++;
      return logger.lines.length === 2;
    });
    expect(logger.lines).toEqual([
      'warn again',
      `warn again (${times - 1} times since the last such line)`,
    ]);
  });
});
