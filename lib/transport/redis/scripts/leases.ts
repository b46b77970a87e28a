import { NOW_MS } from './now-ms.js';

/**
 * KEYS: a sorted set of ids by the time when they lapse; hashes of their values and of the ms that
 * each was given; a sorted set of the ids that were dropped, by the time until which that is
 * remembered. ARGV: the act, id, value, ms. Answers with whether the lease was held; id, value and
 * remaining ms of each; the ids that were dropped.
 *
 * `list` only reads, so that it works where Redis refuses to write. The first command that `claim`
 * and `renew` write with is the one that makes the lease: where Redis refuses it, nothing has
 * changed.
 *
 * Redis's clock may be set back. The field '' of the second hash holds the time of the last write:
 * what the clock has lost since is taken off each lease, and none has longer left than it was
 * given.
 *
 * The keys outlive the last lease by as long again, so an app that has gone leaves nothing behind.
 */
export const LEASES = `${NOW_MS}
local leases, values, given, departed = unpack(KEYS)
local act, id, value, ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local now = nowMs()
local lostMs = math.max(0, (tonumber(redis.call('HGET', given, '')) or 0) - now)

local function keep(key, forMs)
  if redis.call('PTTL', key) < forMs then
    redis.call('PEXPIRE', key, forMs)
  end
end

local function forget(lease)
  redis.call('ZREM', leases, lease)
  redis.call('HDEL', values, lease)
  redis.call('HDEL', given, lease)
end

local function remaining(lease, lapses)
  local mostMs = tonumber(redis.call('HGET', given, lease)) or (ms > 0 and ms or 3600000)
  return math.min(tonumber(lapses) - lostMs - now, mostMs)
end

local held, isWritten = 1, false
if act == 'drop' then
  forget(id)
  redis.call('ZADD', departed, now + ms, id)
  keep(departed, ms)
elseif act ~= 'list' then
  local lapses = redis.call('ZSCORE', leases, id)
  if act == 'renew' and not (lapses and remaining(id, lapses) > 0) then
    held = 0
  else
    isWritten = true
    redis.call('ZADD', leases, now + ms, id)
    redis.call('HSET', values, id, value)
  end
end

local listed = {}
local all = redis.call('ZRANGE', leases, 0, -1, 'WITHSCORES')
for i = 1, #all, 2 do
  local lease = all[i]
  local leftMs = ms
  if not (isWritten and lease == id) then
    leftMs = remaining(lease, all[i + 1])
    if isWritten and leftMs <= 0 then
      forget(lease)
    elseif isWritten and leftMs ~= tonumber(all[i + 1]) - now then
      redis.call('ZADD', leases, now + leftMs, lease)
    end
  end
  if leftMs > 0 then
    local n = #listed
    listed[n + 1] = lease
    listed[n + 2] = redis.call('HGET', values, lease) or ''
    listed[n + 3] = leftMs
  end
end
if isWritten then
  redis.call('HSET', given, id, ms, '', now)
  redis.call('ZREM', departed, id)
  redis.call('ZREMRANGEBYSCORE', departed, '-inf', now)
  for _, key in ipairs({leases, values, given}) do keep(key, 2 * ms) end
end
return {held, listed, redis.call('ZRANGEBYSCORE', departed, now, '+inf')}
`;
