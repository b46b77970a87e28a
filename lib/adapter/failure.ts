/** What a client is told of a failure. */
export interface Failure {
  readonly status: 'error';
  readonly message: string;
}

/** In Nest's words: an error that is not meant for clients. */
export const INTERNAL_ERROR: Failure = Object.freeze({
  status: 'error',
  message: 'Internal server error',
});
