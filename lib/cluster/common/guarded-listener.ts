import type { ThrottledLog } from './throttled-log.js';

/**
 * Wraps a listener so that it never throws: its error is logged, and the listeners after it are
 * called all the same. @param event one of the library's own
 */
export function guardedListener<Args extends unknown[]>(
  event: string,
  listener: (...args: Args) => void,
  log: ThrottledLog,
): (...args: Args) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch (error) {
      log.error(`listener:${event}`, `A listener of "${event}" threw`, error);
    }
  };
}
