import type { BackplaneLogger } from './logger.js';

/** The listener, as one that never throws: what it throws is logged, and the listeners after it are told all the same. */
export function guardedListener<Args extends unknown[]>(
  event: string,
  listener: (...args: Args) => void,
  logger: BackplaneLogger,
): (...args: Args) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      logger.error(`A listener of "${event}" threw: ${message}`, stack);
    }
  };
}
