/** A message that is to be sent. */
export interface Outgoing<T> {
  /** Its bytes. */
  readonly length: number;
  /**
   * Makes the error that it rejects with. The error may be given to others with the same function.
   */
  readonly failed: (error: Error) => Error;
  /** Hands it to ioredis, when its turn has come. */
  command(): Promise<T>;
}
