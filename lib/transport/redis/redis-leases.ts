import type { Redis } from 'ioredis';

import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import type { Lease, Leases } from '../transport.js';
import { isReadOnly } from './log-failure.js';
import { RedisScript } from './redis-script.js';
import { LEASES } from './scripts/leases.js';

const FIELDS = 3;
/** The longest that is waited, in refusals, until another time says that the server takes no writes. */
const SAY_AGAIN_AFTER = 64;

type Act = 'claim' | 'renew' | 'drop' | 'list';
type Answer = [held: number, ...fields: (Buffer | number)[]];

export interface RedisLeasesOptions {
  readonly client: Redis;
  /** What stands before keys, unless the client adds it by itself. */
  readonly prefix: string;
  /** Why nothing can be asked for now; undefined while it can. */
  readonly downReason: () => string | undefined;
  /** The server that we are connected to takes no writes: the address may lead to another by now. */
  readonly onReadOnly: () => void;
}

/** Leases in Redis: one script, by its hash, on Redis's clock. */
export class RedisLeases implements Leases {
  readonly #options: RedisLeasesOptions;
  readonly #script: RedisScript;
  /** In a row. */
  #readOnlyAnswers = 0;

  constructor(options: RedisLeasesOptions) {
    this.#options = options;
    this.#script = new RedisScript(options.client, LEASES);
  }

  async claim(key: string, id: string, value: string, ttlMs: number): Promise<readonly Lease[]> {
    return leasesIn(await this.#run(key, 'claim', id, value, ttlMs));
  }

  async renew(
    key: string,
    id: string,
    value: string,
    ttlMs: number,
  ): Promise<readonly Lease[] | undefined> {
    const answer = await this.#run(key, 'renew', id, value, ttlMs);
    return answer[0] === 1 ? leasesIn(answer) : undefined;
  }

  async drop(key: string, id: string): Promise<void> {
    await this.#run(key, 'drop', id);
  }

  async list(key: string): Promise<readonly Lease[]> {
    return leasesIn(await this.#run(key, 'list'));
  }

  async #run(key: string, act: Act, id = '', value = '', ttlMs = 0): Promise<Answer> {
    const { prefix, downReason } = this.#options;
    const reason = downReason();
    if (reason !== undefined) throw unavailable(reason);
    const keys = [prefix + key, `${prefix}${key}:values`];
    try {
      const answer = (await this.#script.run(keys, [act, id, value, ttlMs])) as Answer;
      // A replica lists, too.
      if (act !== 'list') this.#readOnlyAnswers = 0;
      return answer;
    } catch (error) {
      if (isReadOnly(error as Error)) this.#metReadOnly();
      throw unavailable((error as Error).message, error);
    }
  }

  /** More and more seldom: where the address leads to nothing but a replica, each renewal meets it. */
  #metReadOnly(): void {
    const count = ++this.#readOnlyAnswers;
    if (Number.isInteger(Math.log2(count)) || count % SAY_AGAIN_AFTER === 0)
      this.#options.onReadOnly();
  }
}

function leasesIn([, ...fields]: Answer): Lease[] {
  const leases: Lease[] = [];
  for (let at = 0; at + FIELDS <= fields.length; at += FIELDS) {
    leases.push({
      id: String(fields[at]),
      value: String(fields[at + 1]),
      remainingMs: Number(fields[at + 2]),
    });
  }
  return leases;
}

function unavailable(reason: string, cause?: unknown): BackplaneUnavailableError {
  return new BackplaneUnavailableError(
    `Redis cannot say which instances there are: ${reason}. Ask again when it is back.`,
    { cause },
  );
}
