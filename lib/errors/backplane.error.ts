import { oneLine } from './quote.js';

/** Enough for a message with several quoted names. */
const MAX_MESSAGE_LENGTH = 2_000;

/**
 * The names of the kinds of errors that an error is of. Several copies of this package may be in one process, as an ES module, as
 * CommonJS and in bundles: an error of one is an `instanceof` the same class of another.
 */
export const KINDS: unique symbol = Symbol.for('nestjs-redis-backplane:error-kinds') as never;

/** Sets the kinds of the class: those of its parent, and its own. A minifier may rename the class, so its name is no name of a kind. */
export function ofKind(...kinds: readonly string[]) {
  return (errorClass: { readonly prototype: object }): void => {
    const inherited = (errorClass.prototype as Partial<Kinds>)[KINDS] ?? [];
    Object.defineProperty(errorClass.prototype, KINDS, { value: [...inherited, ...kinds] });
  };
}

interface Kinds {
  readonly [KINDS]: readonly string[];
}

/** For `Symbol.hasInstance` of a class of errors. */
export function isOfKind(errorClass: { readonly prototype: object }, value: unknown): boolean {
  if (Function.prototype[Symbol.hasInstance].call(errorClass, value)) return true;
  // A class of the app's that extends one of ours has no kind of its own.
  if (!Object.hasOwn(errorClass.prototype, KINDS) || !(value instanceof Error)) return false;
  const kind = (errorClass.prototype as Kinds)[KINDS].at(-1)!;
  const kinds: unknown = (value as Partial<Kinds>)[KINDS];
  return Array.isArray(kinds) && kinds.includes(kind);
}

/**
 * The class of all errors of this package. The message says on one line how to fix the problem, whatever names it holds. The `code`
 * stays the same across versions.
 */
@ofKind('BackplaneError')
export abstract class BackplaneError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message, MAX_MESSAGE_LENGTH), options);
    this.name = new.target.name;
  }

  /** Subclasses inherit this. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isOfKind(this, value);
  }
}
