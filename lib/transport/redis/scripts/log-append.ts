import { LOG_TOP } from './log-top.js';
import { NOW_MS } from './now-ms.js';
import { REFUSAL } from './refusal.js';

/**
 * KEYS: the log, its meta, the message id's first result, the name of the data, and, where an
 * append to this log is not answered yet, the first result of the last such one. Answers with
 * epoch, offset and whether the id was known, and with Redis's words if the entry could not be
 * published. Answers with 0, and has written no entry, if the append before has not taken effect.
 *
 * A known id took effect in an earlier call. That says nothing about the appends that stand before
 * this one. Where these have not taken effect, the first result of the id is marked until the call
 * is made again, so that the appends behind it wait. Each sender has a mark of its own: "!" and 8
 * characters at the end of the result. Another sender of the same id neither sees nor removes it.
 *
 * Redis does not roll a script back, and may refuse any single command of it (a missing right, a
 * renamed command). So all that can be undone comes first, and XADD, which cannot, last: an id that
 * a stream has had, it never takes again. The first write is one that Redis refuses when it is out
 * of memory: later ones of a script it lets pass.
 *
 * Lua makes its functions anew at each call, which takes longer than some commands. So those that
 * only the beginning of a log needs are made there.
 */
export const LOG_APPEND = `${NOW_MS}${REFUSAL}
local log, meta, once, data, before = unpack(KEYS)
local channel, publish, candidate, tag, size, ttl, metaTtl, onceTtl, bytes, sender = unpack(ARGV)
local known = redis.call('GET', once)
local mark = '!' .. sender
local isBehind = false
if before then
  local first = redis.call('GET', before)
  isBehind = not first or first == '' or first:find(mark, 1, true) ~= nil
end
if known and known ~= '' then
  local markAt = known:find(mark, 1, true)
  if isBehind ~= (markAt ~= nil) then
    local changed = isBehind and known .. mark or known:sub(1, markAt - 1) .. known:sub(markAt + #mark)
    redis.call('SET', once, changed, 'PX', math.max(redis.call('PTTL', once), 1))
  end
  if isBehind then return 0 end
  return {known:sub(1, 8), tonumber(known:match('^%d+', 9)), 1}
end
if isBehind then return 0 end
local now = nowMs()

local function write(epoch, top, topTag)
  local offset = top + 1
  local previousTag = topTag == '' and ('\\0'):rep(8) or topTag
  local frame = struct.pack('>BBHc8I8I8c8c8', 1, 6, 0, epoch, offset, now, tag, previousTag) .. bytes
  redis.call('HSET', meta, 'e', epoch, 's', offset, 't', tag)
  local lives = redis.pcall('PEXPIRE', log, ttl)
  local left = redis.pcall('PTTL', meta)
  local kept = redis.pcall('SET', once, epoch .. offset, 'PX', onceTtl)
  local refused = refusal('PEXPIRE', lives) or refusal('PTTL', left) or refusal('SET', kept)
  if not refused and left < metaTtl / 2 then
    refused = refusal('PEXPIRE', redis.pcall('PEXPIRE', meta, metaTtl))
  end
  if not refused then
    refused = refusal('XADD', redis.pcall('XADD', log, 'MAXLEN', size, offset .. '-0', 'f', frame))
  end
  if refused then
    redis.call('HSET', meta, 'e', epoch, 's', top, 't', topTag)
    redis.pcall('SET', once, '', 'PX', 1)
    return nil, nil, refused
  end
  if lives == 0 then redis.pcall('PEXPIRE', log, ttl) end
  return offset, frame
end

local epoch, top, topTag = unpack(redis.call('HMGET', meta, 'e', 's', 't'))
if not epoch then
  ${LOG_TOP}
  epoch, top, topTag = topOf(log, meta, data, candidate)
end
local offset, frame, refused = write(epoch, top, topTag)
if refused and refused.err:find('equal or smaller', 1, true) then
  -- The stream is ahead of its meta, by a hand that was not ours. It would take nothing more.
  redis.call('DEL', log)
  epoch = candidate
  offset, frame, refused = write(epoch, 0, '')
end
if refused then return refused end
local unheard = refusal(publish, redis.pcall(publish, channel, frame))
return {epoch, offset, 0, unheard and unheard.err}
`;
