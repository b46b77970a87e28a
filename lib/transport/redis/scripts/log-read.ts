import { LOG_TOP } from './log-top.js';
import { REFUSAL } from './refusal.js';

/**
 * KEYS: the log, its meta. ARGV: the meta's ttl, the epoch that it gets if it has none, XRANGE or XREVRANGE, from and to,
 * how many entries and how many bytes of them at most. Answers with epoch, offset and tag, then the entries' frames.
 *
 * It asks for few entries at a time: how large they are is only known once Redis has copied them.
 */
export const LOG_READ = `${LOG_TOP}${REFUSAL}
local metaTtl, candidate, range, from, to = unpack(ARGV)
local limit, bytesLeft = tonumber(ARGV[6]), tonumber(ARGV[7])
local answer = {lookAt(KEYS[1], KEYS[2], candidate, metaTtl)}
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
