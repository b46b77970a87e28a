import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withDeadline } from '../../support/deadline.js';
import { RedisServer } from '../../support/redis-process.js';
import { waitFor } from '../../support/wait-for.js';
import type { Recorded } from '../verdict/recording.js';
import { readAppendOnlyFile, recordingArguments } from './append-only-file.js';

const SHUTDOWN_DEADLINE_MS = 10_000;
const MOST_TRIES = 40;
const RETRY_MS = 50;

/** A Redis that writes down all it does, and is known to have done nothing else. */
export class RecordedRedis {
  static async start(args: readonly string[] = []): Promise<RecordedRedis> {
    const folder = await mkdtemp(join(tmpdir(), 'backplane-recorded-'));
    try {
      const server = await RedisServer.start({ args: [...recordingArguments(folder), ...args] });
      return new RecordedRedis(server, folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(
    readonly server: RedisServer,
    private readonly folder: string,
  ) {}

  get port(): number {
    return this.server.port;
  }

  /** All since it was empty. */
  async recorded(): Promise<Recorded[]> {
    if (this.server.pid !== undefined) await this.written();
    return readAppendOnlyFile(this.folder);
  }

  /**
   * Sends a command again until Redis carries it out: another fault may cut our own connection.
   * Only for what does no harm twice.
   */
  async insist(name: string, ...args: string[]): Promise<unknown> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.server.cli(name, ...args);
      } catch (error) {
        if (tries === MOST_TRIES || (error as Error).name === 'ReplyError') throw error;
        await delay(RETRY_MS);
      }
    }
  }

  /**
   * Resolves when nothing is kept aside: what a replica is given at first is written down in the
   * background.
   */
  async written(): Promise<void> {
    await waitFor('the append-only file to be whole', async () => {
      const info = String(await this.insist('info', 'persistence'));
      return /aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info);
    });
  }

  /**
   * OutcomeCallbacks it at once, between two commands. A SIGKILL could come before it has written
   * down what a subscriber was sent already: only with `appendfsync always` does Redis hold back
   * one whose connection was full until then.
   */
  async kill(): Promise<void> {
    const ended = this.server.cli('shutdown', 'nosave', 'now', 'force');
    await withDeadline(ended, 'Redis to end', SHUTDOWN_DEADLINE_MS).catch(() => {}); // it ends without an answer
    await this.server.kill();
  }

  /** Starts it again, with what it had. */
  async restart(): Promise<void> {
    await this.server.restart();
  }

  /** Starts it again with nothing; returns what it had done until then. */
  async restartEmpty(): Promise<Recorded[]> {
    await this.kill();
    const recorded = await this.recorded();
    await rm(join(this.folder, 'appendonlydir'), { recursive: true });
    await this.server.restart();
    return recorded;
  }

  async dispose(): Promise<void> {
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
