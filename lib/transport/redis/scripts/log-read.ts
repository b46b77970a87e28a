import { LOG_TOP } from './log-top.js';
import { REFUSAL } from './refusal.js';

/**
 * KEYS: the log, its meta, the name of the data. ARGV: 'follow' for a reader that follows the log,
 * else 'glance'; the meta's ttl, and that of an empty log; a random name for an epoch; XRANGE or
 * XREVRANGE, from and to; how many entries and how many bytes of them at most. Answers with epoch,
 * offset and tag, then the entries' frames. A glance stores nothing.
 *
 * It asks for few entries at a time: how large they are is only known once Redis has copied them.
 */
export const LOG_READ = `${LOG_TOP}${REFUSAL}
local how, metaTtl, emptyTtl, candidate, range, from, to = unpack(ARGV)
local limit, bytesLeft = tonumber(ARGV[8]), tonumber(ARGV[9])
local look = how == 'follow' and lookAt or glanceAt
local epoch, offset, tag = look(KEYS[1], KEYS[2], KEYS[3], candidate, metaTtl, emptyTtl)
local answer = {epoch, offset, tag}
if offset == 0 then return answer end
local first = #answer + 1
local page = 1
while limit > 0 do
  local count = math.min(page, limit)
  local entries = redis.pcall(range, KEYS[1], from, to, 'COUNT', count)
  if entries.err then return refusal(range, entries) end
  for _, entry in ipairs(entries) do
    local frame = entry[2][2]
    bytesLeft = bytesLeft - #frame
    if bytesLeft < 0 and #answer >= first then return answer end
    answer[#answer + 1] = frame
  end
  if #entries < count then break end
  local last = tonumber(entries[count][1]:match('^%d+'))
  from = range == 'XRANGE' and last + 1 or last - 1
  if from < 0 then break end
  limit = limit - count
  page = math.min(2 * page, 32)
end
return answer
`;
