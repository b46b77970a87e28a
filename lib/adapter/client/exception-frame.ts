import { WsException } from '@nestjs/websockets';

import { safeJsonText } from '../../cluster/common/json.js';
import { failureOf, INTERNAL_ERROR } from './failure.js';

const EXCEPTION_START = '{"event":"exception"';

/**
 * The content of an exception frame. Nest's own filter writes it with the event first.
 * @param inAnyForm reads a filter's own wording, too; for a handler that has failed, as it costs a
 * parse
 */
export function exceptionIn(frame: unknown, inAnyForm: boolean): { data?: unknown } | undefined {
  const text = inAnyForm ? textOf(frame) : frame;
  if (typeof text !== 'string' || !(inAnyForm || text.startsWith(EXCEPTION_START)))
    return undefined;
  try {
    const parsed = JSON.parse(text) as { event?: unknown; data?: unknown } | null;
    return parsed?.event === 'exception' ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function textOf(frame: unknown): unknown {
  if (frame instanceof ArrayBuffer) return Buffer.from(frame).toString();
  if (!ArrayBuffer.isView(frame)) return frame;
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString();
}

/**
 * The exception frame for an error of `handleConnection`. An error may hold what the client sent,
 * or anything else.
 */
export function exceptionText(error: unknown): string {
  const data = safeJsonText(exceptionOf(error)) ?? JSON.stringify(INTERNAL_ERROR);
  return `{"event":"exception","data":${data}}`;
}

/** In the form of Nest's own exception frames. */
function exceptionOf(error: unknown): unknown {
  const failure = failureOf(error);
  // An object of the app's goes as it is.
  if (error instanceof WsException && failure === error.getError()) return failure;
  return { ...(failure as object), cause: { pattern: 'handleConnection' } };
}
