import type { Redis } from 'ioredis';

import { HISTORY, PATH } from '../common/target.js';
import { logAppendScript } from './library.js';

const META_TTL_MS = 86_400_000;
const ONCE_TTL_MS = 60_000;

/**
 * Appends to the logs of rooms as the package does, with nothing between ioredis and the script.
 */
export class RawLogs {
  readonly #redis: Redis;
  readonly #sha: string;
  #lastId = 0;

  /** @param redis must be connected */
  static async on(redis: Redis): Promise<RawLogs> {
    const sha = (await redis.script('LOAD', await logAppendScript())) as string;
    return new RawLogs(redis, sha);
  }

  private constructor(redis: Redis, sha: string) {
    this.#redis = redis;
    this.#sha = sha;
  }

  /**
   * One message to each of the rooms, in one pipeline.
   * @param unheard published where nobody listens: as one that was lost on its way
   */
  async append(rooms: readonly string[], bytes: Buffer, unheard = false): Promise<void> {
    const pipeline = this.#redis.pipeline();
    const before = new Map<string, string>();
    for (const room of rooms) {
      const channel = channelOf(room);
      const once = this.#nextOnce(channel);
      const keys = [`log:${channel}`, `top:${channel}`, once, '{backplane}:data'];
      // As the package does while the append before is not answered.
      if (before.has(channel)) keys.push(before.get(channel)!);
      before.set(channel, once);
      pipeline.evalsha(this.#sha, keys.length, ...keys, ...this.#args(channel, bytes, unheard));
    }
    for (const [error] of (await pipeline.exec())!) if (error) throw error;
  }

  /** How many messages all logs have taken. */
  static async taken(redis: Redis): Promise<number> {
    const tops = await redis.keys('top:*');
    const offsets = await Promise.all(tops.map((top) => redis.hget(top, 's')));
    return offsets.reduce((sum, offset) => sum + Number(offset), 0);
  }

  #nextOnce(channel: string): string {
    const id = `the-bench-itself.${++this.#lastId}`;
    return `once:${channel}:${id}:${id.length}`;
  }

  #args(channel: string, bytes: Buffer, unheard: boolean): (string | number | Buffer)[] {
    const name = this.#lastId.toString(36).padStart(8, '0');
    const heardOn = unheard ? 'nobody' : channel;
    const limits = [HISTORY.size, HISTORY.ttlMs, META_TTL_MS, ONCE_TTL_MS];
    return [heardOn, 'PUBLISH', name, name, ...limits, bytes, 'benchmrk'];
  }
}

function channelOf(room: string): string {
  return `{backplane}:room:${PATH}:${room}`;
}
