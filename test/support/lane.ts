import type { Socket } from 'node:net';

export interface LaneRules {
  /** While true, bytes and farewells are kept, in order. */
  isStalled(): boolean;
  /** How long what comes in now takes. */
  delayMs(): number;
  /** What goes on of what came in. */
  take(chunk: Buffer): Buffer;
}

/** One direction of a proxied connection: what came in, and when it may go out. */
export class Lane {
  private readonly queue: { dueAt: number; deliver: () => void }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    from: Socket,
    to: Socket,
    private readonly rules: LaneRules,
  ) {
    from.on('data', (chunk: Buffer) => {
      const bytes = rules.take(chunk);
      if (bytes.length > 0) this.enqueue(() => to.write(bytes));
    });
    from.on('end', () => this.enqueue(() => to.end()));
    from.on('close', () => this.enqueue(() => to.destroySoon()));
  }

  pump(): void {
    clearTimeout(this.timer);
    while (this.queue.length > 0 && !this.rules.isStalled()) {
      const wait = this.queue[0]!.dueAt - performance.now();
      if (wait > 0) {
        this.timer = setTimeout(() => this.pump(), wait);
        return;
      }
      this.queue.shift()!.deliver();
    }
  }

  destroy(): void {
    clearTimeout(this.timer);
    this.queue.length = 0;
  }

  private enqueue(deliver: () => void): void {
    this.queue.push({ dueAt: performance.now() + this.rules.delayMs(), deliver });
    this.pump();
  }
}
