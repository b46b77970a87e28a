import { WsException } from '@nestjs/websockets';

/** A failure, as it is sent to a client. */
export interface Failure {
  readonly status: 'error';
  readonly message: string;
}

/** In Nest's words: an error that is not meant for clients. */
export const INTERNAL_ERROR: Failure = Object.freeze({
  status: 'error',
  message: 'Internal server error',
});

/**
 * An exception in Nest's words: only a `WsException` is meant for clients, and its object goes as
 * it is.
 */
export function failureOf(exception: unknown): unknown {
  if (!(exception instanceof WsException)) return INTERNAL_ERROR;
  const payload: unknown = exception.getError();
  return typeof payload === 'object' && payload !== null
    ? payload
    : { status: 'error', message: payload };
}
