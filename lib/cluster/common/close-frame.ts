import { describe } from '../../errors/quote.js';

const MAX_REASON_BYTES = 123;

/**
 * @throws TypeError for a code or a reason that no close frame of an app may have (RFC 6455,
 * sections 5.5 and 7.4)
 */
export function assertCloseFrame(code: number | undefined, reason: string | undefined): void {
  if (code !== undefined && !isCloseCode(code)) {
    throw new TypeError(
      `A close code must be 1000 to 1003, 1007 to 1014, or 3000 to 4999, got ${describe(code)}.`,
    );
  }
  if (!isReason(reason)) {
    throw new TypeError(
      `The reason of a close must be a string of at most ${MAX_REASON_BYTES} bytes of UTF-8.`,
    );
  }
}

/** Whether {@link assertCloseFrame} accepts both. */
export function isCloseFrame(code: unknown, reason: unknown): boolean {
  return (code === undefined || isCloseCode(code)) && isReason(reason);
}

function isReason(reason: unknown): boolean {
  if (reason === undefined) return true;
  return typeof reason === 'string' && Buffer.byteLength(reason, 'utf8') <= MAX_REASON_BYTES;
}

function isCloseCode(code: unknown): boolean {
  if (typeof code !== 'number' || !Number.isInteger(code)) return false;
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
}
