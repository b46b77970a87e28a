import { describe, expect, it } from '@jest/globals';
import { ThrottledLog } from '../../../lib/cluster/common/throttled-log.js';
import { FakeLogger } from '../fake-logger.js';
import { waitFor } from '../../support/wait-for.js';

describe('a throttled log', () => {
  it('logs the first line of a kind at once, and no other within a minute', () => {
    const logger = new FakeLogger();
    const log = new ThrottledLog(logger);
    for (let i = 0; i < 1_000; i++) {
      log.warn('a', `number ${i}`);
      log.error('b', `number ${i}`, new Error('no'));
    }
    expect(logger.lines).toEqual(['warn number 0', 'error number 0: no']);
  });

  it('says in the next line of the kind how many there were since the last', async () => {
    const logger = new FakeLogger();
    const log = new ThrottledLog(logger, 50);
    let times = 0;
    await waitFor('the second line', () => {
      log.warn('again', 'again');
      times++;
      return logger.lines.length === 2;
    });
    expect(logger.lines).toEqual([
      'warn again',
      `warn again (${times - 1} times since the last such line)`,
    ]);
  });

  it('makes only the lines that it logs', () => {
    const log = new ThrottledLog(new FakeLogger());
    let made = 0;
    for (let i = 0; i < 10; i++) log.warn('a', () => `made ${++made}`);
    expect(made).toBe(1);
  });

  it('lets kinds beyond a thousand share one line', () => {
    const logger = new FakeLogger();
    const log = new ThrottledLog(logger);
    for (let i = 0; i < 5_000; i++) log.warn(`kind ${i}`, `line ${i}`);
    expect(logger.lines).toHaveLength(1_001);
  });

  it('logs what was thrown on one line, whatever it was', () => {
    const logger = new FakeLogger();
    const log = new ThrottledLog(logger);
    log.error('error', 'It failed', new Error('no\n[Nest] forged\u001b[31m'));
    log.error('data', 'It failed', JSON.parse('{"toString":1,"message":"x"}'));
    expect(logger.lines).toEqual([
      'error It failed: no\\n[Nest] forged\\u001b[31m',
      'error It failed: an object of Object',
    ]);
  });
});
