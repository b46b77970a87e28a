import {
  DATA_NAME_LENGTH,
  EPOCH_DIGITS,
  HALF_DAY_MS,
  HALF_DAYS,
  NOT_STORED,
} from '../../log-epoch.js';
import { NOW_MS } from './now-ms.js';

/**
 * How long the name of the data is kept after a log has begun, or was looked at while it was empty.
 */
const DATA_TTL_MS = 30 * 24 * 60 * 60 * 1_000;

/**
 * The part that all scripts on logs share. A log is a stream of frames (`log-entry.ts`) by offset,
 * and a hash of its epoch `e`, top offset `s` and top tag `t`. Entries whose epoch is gone are
 * useless: their offsets will be given anew.
 *
 * An epoch is as `log-epoch.ts` says. The name of the data is a key of its own, which all logs of
 * an event key share. Where a log has lost its meta and not its entries, nobody knows how many
 * there were: its next epoch is random, and like no other.
 *
 * In all scripts, one command a line: where Redis refuses one, it says the line.
 */
export const LOG_TOP = `${NOW_MS}
local digits = '${EPOCH_DIGITS}'
local halfDayNow, dataName

local function halfDay()
  if not halfDayNow then
    local number = math.floor(nowMs() / ${HALF_DAY_MS}) % ${HALF_DAYS}
    local high, low = math.floor(number / #digits) + 1, number % #digits + 1
    halfDayNow = digits:sub(high, high) .. digits:sub(low, low)
  end
  return halfDayNow
end

local function nameOfData(data, candidate, isStored)
  if dataName then return dataName end
  local name = redis.call('GET', data)
  if not name then
    name = candidate:sub(1, ${DATA_NAME_LENGTH})
    if not isStored then return name end
    redis.call('SET', data, name, 'PX', ${DATA_TTL_MS})
  elseif redis.call('PTTL', data) < ${DATA_TTL_MS / 2} then
    redis.call('PEXPIRE', data, ${DATA_TTL_MS})
  end
  dataName = name
  return name
end

local function newEpoch(data, candidate, isStored)
  local ending = isStored and candidate:sub(6) or '${NOT_STORED}'
  return nameOfData(data, candidate, isStored) .. halfDay() .. ending
end

local function topOf(log, meta, data, candidate)
  local epoch, offset, tag = unpack(redis.call('HMGET', meta, 'e', 's', 't'))
  if epoch then return epoch, tonumber(offset), tag end
  if redis.call('EXISTS', log) == 0 then
    return newEpoch(data, candidate, true), 0, '', true
  end
  redis.call('DEL', log)
  return candidate, 0, '', true
end

local function keepAlive(key, ttl)
  if redis.call('PTTL', key) < ttl / 2 then
    redis.call('PEXPIRE', key, ttl)
  end
end

local function lookAt(log, meta, data, candidate, ttl, emptyTtl)
  local epoch, offset, tag, isNew = topOf(log, meta, data, candidate)
  if offset > 0 then
    keepAlive(meta, ttl)
    return epoch, offset, tag
  end
  -- The place before all that was ever sent is known by an epoch that is never old.
  if not isNew and epoch:sub(4, 5) ~= halfDay() then
    if epoch:sub(1, 3) == nameOfData(data, candidate, true) then
      epoch, isNew = newEpoch(data, candidate, true), true
    end
  end
  if isNew then redis.call('HSET', meta, 'e', epoch, 's', offset, 't', tag) end
  keepAlive(meta, emptyTtl)
  return epoch, offset, tag
end

local function glanceAt(log, meta, data, candidate, ttl)
  local epoch, offset, tag = unpack(redis.call('HMGET', meta, 'e', 's', 't'))
  if not epoch then
    if redis.call('EXISTS', log) == 1 then return candidate, 0, '', true end
    return newEpoch(data, candidate, false), 0, '', true
  end
  offset = tonumber(offset)
  if offset > 0 then keepAlive(meta, ttl) end
  return epoch, offset, tag
end
`;
