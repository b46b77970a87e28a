import { oneLine } from './quote.js';

/** Enough for a message with several quoted names. */
const MAX_MESSAGE_LENGTH = 2_000;

/** Set on an error that has to extend another class, and is one of this package all the same. */
export const IS_BACKPLANE_ERROR = Symbol('is a BackplaneError');

/**
 * What every error of this package is an instance of: a message that says how to fix it, on one line whatever names it holds, and a
 * `code` that stays the same across versions.
 */
export abstract class BackplaneError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message, MAX_MESSAGE_LENGTH), options);
    this.name = new.target.name;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    // Subclasses inherit this method.
    return this === BackplaneError && value instanceof Error && IS_BACKPLANE_ERROR in value;
  }
}
