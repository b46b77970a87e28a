import { oneLine } from './quote.js';

/** Enough for a message with several quoted names. */
const MAX_MESSAGE_LENGTH = 2_000;

/**
 * Holds the names of an error's class and of its parents. A process may load several copies of this
 * package: as an ES module, as CommonJS, in a bundle. By these names, an error of one copy is an
 * `instanceof` the same class of another.
 */
export const KINDS: unique symbol = Symbol.for('nestjs-redis-backplane:error-kinds') as never;

/**
 * Sets the kinds of a class: those of its parent, and its own. They are given as text, since a
 * minifier may rename the class.
 */
export function ofKind(...kinds: readonly string[]) {
  return (errorClass: { readonly prototype: object }): void => {
    const inherited = (errorClass.prototype as Partial<Kinds>)[KINDS] ?? [];
    Object.defineProperty(errorClass.prototype, KINDS, { value: [...inherited, ...kinds] });
  };
}

interface Kinds {
  readonly [KINDS]: readonly string[];
}

/** The `Symbol.hasInstance` of an error class. */
export function isOfKind(errorClass: { readonly prototype: object }, value: unknown): boolean {
  if (Function.prototype[Symbol.hasInstance].call(errorClass, value)) return true;
  // An app may extend one of our classes: that class has no kind of its own.
  if (!Object.hasOwn(errorClass.prototype, KINDS) || !(value instanceof Error)) return false;
  const kind = (errorClass.prototype as Kinds)[KINDS].at(-1)!;
  const kinds: unknown = (value as Partial<Kinds>)[KINDS];
  return Array.isArray(kinds) && kinds.includes(kind);
}

/**
 * The class of all errors of this package. The message says on one line how to fix the problem,
 * whatever names it holds. The `code` stays the same across versions.
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
