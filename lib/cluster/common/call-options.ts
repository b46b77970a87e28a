import { describe, quote } from '../../errors/quote.js';

/**
 * The options of a call, as an object. Null and undefined are "not given".
 * @param method the call's name for messages, such as `history()`
 * @throws TypeError for what is no object, and for a name that is not among the known: a typing
 * error must not be silent
 */
export function callOptions<Options extends object>(
  method: string,
  given: Options | null | undefined,
  known: readonly (keyof Options & string)[],
): Options {
  if (given == null) return {} as Options;
  if (typeof given !== 'object' || Array.isArray(given))
    throw new TypeError(`The options of ${method} must be an object, got ${describe(given)}.`);
  for (const name of Object.keys(given)) {
    if (known.includes(name as keyof Options & string)) continue;
    throw new TypeError(
      `${method} has no option ${quote(name)}. Its options are: ${known.join(', ')}.`,
    );
  }
  return given;
}

/** @throws TypeError for anything but true, false, and what is not given */
export function booleanCallOption(method: string, option: string, value: unknown): boolean {
  if (value == null) return false;
  if (typeof value === 'boolean') return value;
  throw new TypeError(
    `The "${option}" of ${method} must be true or false, got ${describe(value)}.`,
  );
}

/** @throws TypeError for anything but a positive, finite number, and what is not given */
export function timeoutCallOption(method: string, value: unknown): number | undefined {
  if (value == null) return undefined;
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new TypeError(
    `The "timeoutMs" of ${method} must be a positive number, got ${describe(value)}.`,
  );
}
