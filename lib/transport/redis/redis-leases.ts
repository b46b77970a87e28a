import { createHash } from 'node:crypto';

import type { Redis } from 'ioredis';

import { BackplaneUnavailableError } from '../../errors/backplane-unavailable.error.js';
import type { Lease, Leases } from '../transport.js';

/*
 * KEYS: a sorted set of ids by the time when they lapse, a hash of their values. ARGV: what to do, id, value, ms.
 * Answers with whether the lease was held, then id, value and remaining ms of each. The keys outlive the last lease by
 * as long again, so an app that has gone leaves nothing behind.
 */
const SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local act, id, value, ttl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
for _, lapsed in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], lapsed)
  redis.call('HDEL', KEYS[2], lapsed)
end
local held = 1
if act == 'drop' then
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
elseif act == 'renew' and not redis.call('ZSCORE', KEYS[1], id) then
  held = 0
elseif act ~= 'list' then
  redis.call('ZADD', KEYS[1], now + ttl, id)
  redis.call('HSET', KEYS[2], id, value)
  for _, key in ipairs(KEYS) do
    if redis.call('PTTL', key) < 2 * ttl then redis.call('PEXPIRE', key, 2 * ttl) end
  end
end
local answer = {held}
local leases = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #leases, 2 do
  answer[#answer + 1] = leases[i]
  answer[#answer + 1] = redis.call('HGET', KEYS[2], leases[i]) or ''
  answer[#answer + 1] = leases[i + 1] - now
end
return answer
`;
const SHA = createHash('sha1').update(SCRIPT).digest('hex');
const FIELDS = 3;

type Act = 'claim' | 'renew' | 'drop' | 'list';
type Answer = [held: number, ...fields: (string | number)[]];

export interface RedisLeasesOptions {
  readonly client: Pick<Redis, 'evalsha' | 'eval'>;
  /** What stands before keys, unless the client adds it by itself. */
  readonly prefix: string;
  /** Why nothing can be asked for now; undefined while it can. */
  readonly downReason: () => string | undefined;
}

/** Leases in Redis: one script, by its hash, on Redis's clock. */
export class RedisLeases implements Leases {
  readonly #options: RedisLeasesOptions;

  constructor(options: RedisLeasesOptions) {
    this.#options = options;
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
    const { client, prefix, downReason } = this.#options;
    const reason = downReason();
    if (reason !== undefined) throw unavailable(reason);
    const args = [prefix + key, `${prefix}${key}:values`, act, id, value, ttlMs] as const;
    try {
      return (await client.evalsha(SHA, 2, ...args).catch((error: Error) => {
        // Redis forgets scripts: at a restart, a failover, a SCRIPT FLUSH.
        if (!error.message.startsWith('NOSCRIPT')) throw error;
        return client.eval(SCRIPT, 2, ...args);
      })) as Answer;
    } catch (error) {
      throw unavailable((error as Error).message, error);
    }
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
