import type { Batch } from '../../lib/hub/batch.js';
import type { Frame } from '../../lib/hub/frame.js';
import type { WriteFlags, Member } from '../../lib/hub/member.js';

/** A member that keeps what it is written. */
export class FakeMember implements Member {
  readonly rooms = new Set<string>();
  readonly written: { frame: Frame; delivery: WriteFlags }[] = [];
  /** How many times it was written to. */
  writes = 0;
  lastBroadcast = 0;
  headroomBytes = Infinity;

  readonly userId: string | undefined;

  constructor(
    readonly id: string,
    userId?: string,
  ) {
    this.userId = userId;
  }

  get texts(): string[] {
    return this.written.map(({ frame }) => frame.payload.toString());
  }

  write({ frames }: Batch, delivery: WriteFlags): void {
    this.writes++;
    for (const frame of frames) this.written.push({ frame, delivery });
  }
}
