import type { Connection } from '../../lib/cluster/local/connection.js';
import { FakeMember } from '../hub/fake-member.js';

/** A connection without a socket, that keeps what it is written. */
export class FakeConnection extends FakeMember implements Connection {
  readonly data = {};
  readonly isOpen = true;
  readonly maxRooms = Infinity;
  readonly paused = new Map();
  readonly isPausable = false;
  /** The code and the reason of each disconnect. */
  readonly disconnects: unknown[][] = [];

  isBackpressured(): boolean {
    return false;
  }

  pauseLog(): void {}

  async drained(): Promise<boolean> {
    return true;
  }

  writeMissed(): boolean {
    return true;
  }

  disconnect(...how: unknown[]): void {
    this.disconnects.push(how);
  }

  ask(): void {}

  withdraw(): void {}
}
