import { describe, expect, it } from '@jest/globals';
import { guardProcess, ProcessGuard } from './process-guard.js';
import { nextTurn } from './wait-for.js';

describe('guardProcess', () => {
  const guard = guardProcess();

  it('sees unhandled rejections and uncaught exceptions', async () => {
    void Promise.reject(new Error('rejected'));
    setImmediate(() => {
      throw new Error('thrown');
    });
    await nextTurn();
    const errors = (await guard.takeFatalErrors()).map((e) => `${e.kind} ${String(e.error)}`);
    expect(errors.sort()).toEqual([
      'uncaughtException Error: thrown',
      'unhandledRejection Error: rejected',
    ]);
  });

  it('sees those that happen in the last moment of a test', async () => {
    const inner = new ProcessGuard();
    inner.arm();
    void Promise.reject(new Error('late'));
    expect(await inner.takeFatalErrors()).toHaveLength(1);
    inner.disarm();
  });
});
