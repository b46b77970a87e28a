import type { Redis } from 'ioredis';

import { BackplaneRefusedError } from '../../errors/backplane-refused.error.js';
import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import type { Lease, LeaseList, Leases } from '../transport.js';
import { isReadOnly } from './log-failure.js';
import { isRefusal } from './redis-misconfiguration.js';
import { RedisScript } from './redis-script.js';
import { LEASES } from './scripts/leases.js';
import { unansweredReason } from './unanswered-reason.js';

const FIELDS = 3;
/**
 * The longest that is waited, in refusals, until another time says that the server takes no writes.
 */
const SAY_AGAIN_AFTER = 64;

type Act = 'claim' | 'renew' | 'drop' | 'list';
type Answer = [held: number, fields?: (Buffer | number)[], departed?: Buffer[]];

const NOT_DONE = {
  claim: "take this instance's lease",
  renew: "renew this instance's lease",
  drop: "drop this instance's lease",
  list: 'list the leases of the instances',
} satisfies Record<Act, string>;

export interface RedisLeasesOptions {
  readonly client: Redis;
  /** The prefix of keys, unless the client adds it by itself. */
  readonly prefix: string;
  /** Why nothing can be asked for now; undefined while it can. */
  readonly downReason: () => string | undefined;
  /**
   * The server that we are connected to takes no writes: the address may lead to another by now.
   */
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

  async claim(key: string, id: string, value: string, ttlMs: number): Promise<LeaseList> {
    return listIn(await this.#run(key, 'claim', id, value, ttlMs));
  }

  async renew(
    key: string,
    id: string,
    value: string,
    ttlMs: number,
  ): Promise<LeaseList | undefined> {
    const answer = await this.#run(key, 'renew', id, value, ttlMs);
    return isHeld(answer) ? listIn(answer) : undefined;
  }

  async drop(key: string, id: string, rememberMs: number): Promise<void> {
    await this.#run(key, 'drop', id, '', rememberMs);
  }

  async list(key: string): Promise<LeaseList> {
    return listIn(await this.#run(key, 'list'));
  }

  async #run(key: string, act: Act, id = '', value = '', ms = 0): Promise<Answer> {
    const { prefix, downReason } = this.#options;
    const reason = downReason();
    if (reason !== undefined) throw notDone(act, new Error(reason));
    const lease = prefix + key;
    const keys = [lease, `${lease}:values`, `${lease}:given`, `${lease}:departed`];
    try {
      const answer = (await this.#script.run(keys, [act, id, value, ms])) as Answer;
      // A replica lists, too, and says of a lease that it is not held.
      if (act !== 'list' && isHeld(answer)) this.#readOnlyAnswers = 0;
      return answer;
    } catch (error) {
      if (isReadOnly(error as Error)) this.#metReadOnly();
      throw notDone(act, error as Error);
    }
  }

  /**
   * More and more seldom: where the address leads to nothing but a replica, each renewal meets it.
   */
  #metReadOnly(): void {
    const count = ++this.#readOnlyAnswers;
    if (Number.isInteger(Math.log2(count)) || count % SAY_AGAIN_AFTER === 0)
      this.#options.onReadOnly();
  }
}

function isHeld([held]: Answer): boolean {
  return Number(held) === 1;
}

function listIn([, fields = [], departed = []]: Answer): LeaseList {
  const leases: Lease[] = [];
  for (let at = 0; at + FIELDS <= fields.length; at += FIELDS) {
    leases.push({
      id: String(fields[at]),
      value: String(fields[at + 1]),
      remainingMs: timeOf(fields[at + 2]),
    });
  }
  return { leases, departed: departed.map(String) };
}

/**
 * Redis adds nothing but numbers to its leases; whoever else writes there must not stop the clock.
 */
function timeOf(value: unknown): number {
  const ms = Number(value);
  return ms > 0 ? ms : 0;
}

function notDone(act: Act, error: Error): BackplaneUnavailableError {
  const reason = unansweredReason(error);
  return isRefusal(error)
    ? new BackplaneRefusedError(`Redis refused to ${NOT_DONE[act]}: ${reason}`, { cause: error })
    : new BackplaneUnavailableError(
        `Redis did not ${NOT_DONE[act]}: ${reason}. Ask again when it is back.`,
        { cause: error },
      );
}
