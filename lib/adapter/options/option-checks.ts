import { BackplaneConfigError } from '../../errors/backplane-config.error.js';
import { kindOfObject } from '../../errors/quote.js';

/** The kind of a value, never the value: it may be a secret. */
export function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'object') return kindOfObject(value);
  if (value === '') return 'an empty string';
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : `the number ${value}`;
  return `a ${typeof value}`;
}

export function invalidOption(
  option: string,
  expected: string,
  got: unknown,
  fix?: string,
): BackplaneConfigError {
  return new BackplaneConfigError(
    `The option "${option}" must be ${expected}, got ${typeOf(got)}.${fix ? ` ${fix}` : ''}`,
  );
}

export function booleanOption(option: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean')
    throw invalidOption(
      option,
      'true or false',
      value,
      "From an environment variable? Compare it: value === 'true'.",
    );
  return value;
}

/**
 * A whole number from `least` up to what a timer can hold.
 * @param otherwise what else the option can be, for the error
 */
export function integerOption(
  option: string,
  value: unknown,
  fallback: number,
  min = 1,
  otherwise = '',
): number {
  if (value === undefined) return fallback;
  const max = 2 ** 31 - 1;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw invalidOption(
      option,
      `a whole number from ${min} to ${max}${otherwise}`,
      value,
      fixOfNumber(value),
    );
  }
  return value;
}

export function functionOption(
  option: string,
  value: unknown,
): ((...args: never[]) => unknown) | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'function') throw invalidOption(option, 'a function', value);
  return value as (...args: never[]) => unknown;
}

export function fixOfNumber(value: unknown): string | undefined {
  return typeof value === 'string'
    ? 'From an environment variable? Convert it: Number(value).'
    : undefined;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** @param prefix of the options' names in the message, with its dot */
export function assertKnown(prefix: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    throw new BackplaneConfigError(
      `There is no option "${prefix}${name}". The options are: ${known.map((one) => prefix + one).join(', ')}.`,
    );
  }
}
