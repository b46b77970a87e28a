interface Move<M> {
  readonly member: M;
  /** Undefined: the hub itself. */
  readonly room: string | undefined;
  readonly at: number;
  readonly isJoin: boolean;
}

/** The moves of one room: by member, in their order. */
interface RoomMoves<M> {
  lastAt: number;
  readonly byMember: Map<M, Move<M>[]>;
}

const PRUNE_EVERY_MS = 5_000;
/** So many moves that are too old may stand before those that are not. */
const MAX_OLD_MOVES = 1_024;

/**
 * The members that joined and left not long ago. A message that comes late is for those who were
 * there when it was sent. Times are those of this process, in ms, as `performance.now()`.
 */
export class RecentMoves<M> {
  readonly #keepMs: number;
  #moves: Move<M>[] = [];
  #old = 0;
  /**
   * Put together when it is first asked for, and again after a move: late messages come many at a
   * time.
   */
  #index: Map<string | undefined, RoomMoves<M>> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param keepMs 0: nothing is kept */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  joined(member: M, room?: string): void {
    this.#add(member, room, true);
  }

  left(member: M, room?: string): void {
    this.#add(member, room, false);
  }

  /** Whether anybody moved in one of these since then. */
  hasMoved(rooms: readonly (string | undefined)[], since: number): boolean {
    if (this.#moves.length === 0 || this.#moves.at(-1)!.at < since) return false;
    return rooms.some((room) => (this.#byRoom.get(room)?.lastAt ?? -Infinity) >= since);
  }

  /** Whether the member has joined since then, for the first time or again. */
  hasJoined(member: M, room: string | undefined, since: number): boolean {
    return this.#of(member, room).some(({ at, isJoin }) => isJoin && at >= since);
  }

  /** Whether the member was in the room then. @param isIn whether it is now */
  wasIn(member: M, room: string, then: number, isIn: boolean): boolean {
    const next = this.#of(member, room).find(({ at }) => at >= then);
    return next ? !next.isJoin : isIn;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#moves = [];
    this.#old = 0;
    this.#index = undefined;
  }

  #add(member: M, room: string | undefined, isJoin: boolean): void {
    if (this.#keepMs === 0) return;
    this.#moves.push({ member, room, at: performance.now(), isJoin });
    this.#index = undefined;
    this.#timer ??= setTimeout(this.#prune, PRUNE_EVERY_MS).unref();
  }

  #of(member: M, room: string | undefined): readonly Move<M>[] {
    return this.#byRoom.get(room)?.byMember.get(member) ?? [];
  }

  get #byRoom(): Map<string | undefined, RoomMoves<M>> {
    if (this.#index) return this.#index;
    const index = new Map<string | undefined, RoomMoves<M>>();
    for (let i = this.#old; i < this.#moves.length; i++) {
      const move = this.#moves[i]!;
      let room = index.get(move.room);
      if (!room) index.set(move.room, (room = { lastAt: 0, byMember: new Map() }));
      room.lastAt = move.at;
      const moves = room.byMember.get(move.member);
      if (moves) moves.push(move);
      else room.byMember.set(move.member, [move]);
    }
    return (this.#index = index);
  }

  readonly #prune = (): void => {
    this.#timer = undefined;
    const before = performance.now() - this.#keepMs;
    while (this.#old < this.#moves.length && this.#moves[this.#old]!.at < before) this.#old++;
    if (this.#old === this.#moves.length) return this.clear();
    if (this.#old > MAX_OLD_MOVES) {
      this.#moves = this.#moves.slice(this.#old);
      this.#old = 0;
    }
    this.#index = undefined;
    this.#timer = setTimeout(this.#prune, PRUNE_EVERY_MS).unref();
  };
}
