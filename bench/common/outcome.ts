import type { Figures } from './figures.js';

/** What one target did in one round of one scenario. */
export interface Outcome {
  readonly scenario: string;
  readonly target: string;
  readonly round: number;
  readonly figures?: Figures;
  /** Why there are none. */
  readonly failure?: string;
}

/** Whether a failure says only that this version of the package does not have the option yet. */
export function isUnsupported(failure: string): boolean {
  return failure.startsWith('There is no option');
}

/** Three significant digits are more than a busy machine can honour. */
export function format(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
