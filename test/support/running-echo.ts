import { EventEmitter } from 'node:events';
import { Gate } from './gate.js';
import { waitForEvent } from './wait-for.js';
import type { WsClient } from './ws-client.js';

/**
 * A client that has the server echo one message after the other, and so notices when the server
 * stops, mixes up answers, or sends what is not its own.
 */
export class RunningEcho {
  private readonly rounds = new EventEmitter();
  private readonly ended = new Gate();
  private isStopped = false;
  private failure: Error | undefined;

  constructor(private readonly client: WsClient) {
    void this.run();
  }

  /** Resolves when a message that was sent after this call has come back, as all before. */
  async oneMoreRound(): Promise<void> {
    // The round that is under way may have begun earlier.
    for (let i = 0; i < 2 && !this.failure; i++) await waitForEvent(this.rounds, 'end', 10_000);
    if (this.failure) throw this.failure;
  }

  /** Goes one more round, and ends. Rejects if the client has ever noticed anything. */
  async stop(): Promise<void> {
    await this.oneMoreRound();
    await this.dispose();
  }

  async dispose(): Promise<void> {
    this.isStopped = true;
    await this.ended.opened;
  }

  private async run(): Promise<void> {
    try {
      for (let round = 1; !this.isStopped; round++) {
        const text = `round ${round}`;
        this.client.sendEvent('echo', text);
        const frame = JSON.stringify(await this.client.next());
        if (frame !== JSON.stringify({ event: 'echo', data: text })) {
          throw new Error(`Instead of the echo of "${text}" came ${frame}`);
        }
        this.rounds.emit('end');
      }
    } catch (error) {
      this.failure = error as Error;
      this.rounds.emit('end');
    } finally {
      this.ended.open();
    }
  }
}
