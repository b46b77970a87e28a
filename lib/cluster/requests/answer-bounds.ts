const MIB = 1024 * 1024;

/**
 * How much one request may bring together, from all instances; and so how much one instance may
 * answer. Several times what pub/sub of Redis holds for a subscriber by default (32 MiB), as it
 * never has to, and little enough for one process to hold.
 */
export const MAX_ANSWER_BYTES = 64 * MIB;

/** How much may wait in one instance for all requesters. */
export const MAX_HELD_BYTES = 64 * MIB;

/** Of these, the messages of others get their turn between. */
export const PART_BYTES = 64 * 1024;

/**
 * How much a requester has allowed all instances together to send, and has not had yet: Redis holds
 * no more for its subscriber. Redis cuts subscribers off that let 8 MiB stand for a minute, or 32
 * MiB at all.
 */
export const WINDOW_BYTES = MIB;

/** How much all instances together may send at once, before the requester has allowed any of it. */
export const FIRST_BYTES = 256 * 1024;
/** Of it, what each of them may send: most answers fit in. */
export const MIN_FIRST_BYTES = 1024;
export const MAX_FIRST_BYTES = 16 * 1024;

/** One instance is allowed so much at a time, and then another. */
export const GRANT_BYTES = 128 * 1024;

/**
 * How much one instance may be allowed and not have sent: one that stands still leaves room for the
 * others.
 */
export const MAX_TO_COME_BYTES = WINDOW_BYTES / 4;
