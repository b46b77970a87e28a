import type { Redis } from 'ioredis';

import { HISTORY, PATH } from '../targets/target.js';
import { logAppendScript } from './library.js';

const META_TTL_MS = 86_400_000;
const ONCE_TTL_MS = 60_000;

/** Appends to the logs of rooms as the package does, with nothing between ioredis and the script. */
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
    for (const room of rooms) pipeline.evalsha(...this.#call(channelOf(room), bytes, unheard));
    for (const [error] of (await pipeline.exec())!) if (error) throw error;
  }

  /** How many messages all logs have taken. */
  static async taken(redis: Redis): Promise<number> {
    const tops = await redis.keys('top:*');
    const offsets = await Promise.all(tops.map((top) => redis.hget(top, 's')));
    return offsets.reduce((sum, offset) => sum + Number(offset), 0);
  }

  #call(
    channel: string,
    bytes: Buffer,
    unheard: boolean,
  ): [sha: string, keyCount: number, ...rest: (string | number | Buffer)[]] {
    const id = `the-bench-itself.${++this.#lastId}`;
    const name = this.#lastId.toString(36).padStart(8, '0');
    const keys = [`log:${channel}`, `top:${channel}`, `once:${channel}:${id}:${id.length}`];
    const heardOn = unheard ? 'nobody' : channel;
    const limits = [HISTORY.size, HISTORY.ttlMs, META_TTL_MS, ONCE_TTL_MS];
    return [this.#sha, keys.length, ...keys, heardOn, 'PUBLISH', name, name, ...limits, bytes];
  }
}

function channelOf(room: string): string {
  return `{backplane}:room:${PATH}:${room}`;
}
