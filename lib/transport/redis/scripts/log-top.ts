/**
 * What all scripts on logs share. A log is a stream of frames (`log-entry.ts`) by offset, and a hash of its epoch `e`, top
 * offset `s` and top tag `t`. Entries whose epoch is gone are of no use: their offsets will be given anew.
 *
 * In all scripts, one command a line: where Redis refuses one, it says the line.
 */
export const LOG_TOP = `
local function topOf(log, meta, candidate)
  local epoch, offset, tag = unpack(redis.call('HMGET', meta, 'e', 's', 't'))
  if epoch then return epoch, tonumber(offset), tag end
  if redis.call('EXISTS', log) == 1 then
    redis.call('DEL', log)
  end
  return candidate, 0, '', true
end

local function keepAlive(meta, ttl)
  if redis.call('PTTL', meta) < ttl / 2 then
    redis.call('PEXPIRE', meta, ttl)
  end
end

local function lookAt(log, meta, candidate, ttl)
  local epoch, offset, tag, isNew = topOf(log, meta, candidate)
  if isNew then redis.call('HSET', meta, 'e', epoch, 's', offset, 't', tag) end
  keepAlive(meta, ttl)
  return epoch, offset, tag
end
`;
