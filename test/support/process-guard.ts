import { afterEach, beforeEach } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import { realProcess } from './real-process.js';
import { nextTurn } from './wait-for.js';

/** An error that would have ended the process. */
export interface FatalError {
  kind: 'unhandledRejection' | 'uncaughtException';
  error: unknown;
}

const KINDS = ['unhandledRejection', 'uncaughtException'] as const;

/**
 * Watches the process during each test of the file or block, and fails a test in whose course an
 * error reached the top of the process.
 *
 * @example
 * const guard = guardProcess();
 * // in a test that provokes one on purpose:
 * expect(await guard.takeFatalErrors()).toEqual([...]);
 */
export function guardProcess(): ProcessGuard {
  const guard = new ProcessGuard();
  beforeEach(() => guard.arm());
  afterEach(async () => {
    const fatal = await guard.takeFatalErrors();
    guard.disarm();
    if (fatal.length > 0) {
      throw new AggregateError(
        fatal.map(({ error }) => error),
        `The process would have died: ${fatal.map(describeError).join('; ')}`,
      );
    }
  });
  return guard;
}

/** See {@link guardProcess}. */
export class ProcessGuard {
  private fatal: FatalError[] = [];
  private readonly listeners = new Map<FatalError['kind'], (error: unknown) => void>();
  /** Those of the test runner, which would fail the test without a chance to look at it. */
  private readonly displaced = new Map<FatalError['kind'], NodeJS.UnhandledRejectionListener[]>();

  arm(): void {
    this.fatal = [];
    for (const kind of KINDS) {
      this.displaced.set(kind, realProcess.rawListeners(kind) as never);
      realProcess.removeAllListeners(kind);
      const listener = (error: unknown) => void this.fatal.push({ kind, error });
      this.listeners.set(kind, listener);
      realProcess.on(kind as 'uncaughtException', listener);
    }
  }

  disarm(): void {
    for (const kind of KINDS) {
      const listener = this.listeners.get(kind);
      if (listener) realProcess.off(kind, listener);
      for (const former of this.displaced.get(kind) ?? []) realProcess.on(kind, former as never);
    }
    this.listeners.clear();
    this.displaced.clear();
  }

  /** What happened so far, without forgetting it. */
  get fatalErrors(): readonly FatalError[] {
    return this.fatal;
  }

  /** What happened so far, those just about to be reported included; the test is forgiven them. */
  async takeFatalErrors(): Promise<FatalError[]> {
    // RxJS throws what nobody caught in a timer; timers of one delay fire in the order of their
    // start.
    await setTimeout(1);
    await nextTurn(2); // rejections are reported when the turn's promise reactions have run
    const taken = this.fatal;
    this.fatal = [];
    return taken;
  }
}

function describeError({ kind, error }: FatalError): string {
  return `${kind}: ${error instanceof Error ? error.message : String(error)}`;
}
