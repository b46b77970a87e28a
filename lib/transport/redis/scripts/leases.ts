import { NOW_MS } from './now-ms.js';

/**
 * KEYS: a sorted set of ids by the time when they lapse, a hash of their values. ARGV: what to do, id, value, ms.
 * Answers with whether the lease was held, then id, value and remaining ms of each. The keys outlive the last lease by
 * as long again, so an app that has gone leaves nothing behind.
 */
export const LEASES = `${NOW_MS}
local now = nowMs()
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
    if redis.call('PTTL', key) < 2 * ttl then
      redis.call('PEXPIRE', key, 2 * ttl)
    end
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
