/** A message of the checker's writers, as it travels. */
export interface Message {
  readonly uid: string;
  readonly room: string;
  readonly writer: string;
  /** 1, 2, 3… of each writer in each room, in the order of its calls. */
  readonly sequence: number;
  readonly verb: 'emit' | 'publish';
  /** When it was called, ms since 1970. */
  readonly sentAt: number;
}

export interface Append {
  readonly kind: 'append';
  readonly room: string;
  readonly epoch: string;
  readonly offset: number;
  readonly message: Message;
  /**
   * Of all that Redis has of the entry: equal for a master's and its replica's copy, and for
   * nothing else.
   */
  readonly fingerprint: string;
}

/** What a Redis did to a room's log, as its append-only file has it. */
export type Recorded =
  | Append
  | { readonly kind: 'stream-deleted'; readonly room: string }
  /** Its epoch was written: the same as before, or a new one. */
  | {
      readonly kind: 'epoch';
      readonly room: string;
      readonly epoch: string;
      /** Where the numbering stood, if that was written with it. */
      readonly offset?: number;
    }
  /** The epoch and the numbering were deleted. */
  | { readonly kind: 'meta-deleted'; readonly room: string };

/**
 * One life of the data: from an empty Redis, or from a replica's promotion, to the next of them.
 */
export interface Chapter {
  readonly begins: 'empty' | 'promoted';
  /** Of a promoted replica: all that it holds, what it had from its master included. */
  readonly recorded: readonly Recorded[];
}
