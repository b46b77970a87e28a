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
