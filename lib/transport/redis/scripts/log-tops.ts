import { LOG_TOP } from './log-top.js';

/**
 * KEYS: the name of the data; then of each log, itself and its meta. ARGV: the metas' ttl, that of
 * metas of empty logs, then for each log a random name for an epoch; without a log, one to name the
 * data by. Answers with epoch, offset and tag of each.
 */
export const LOG_TOPS = `${LOG_TOP}
local data, ttl, emptyTtl, tops = KEYS[1], ARGV[1], ARGV[2], {}
if #KEYS == 1 then nameOfData(data, ARGV[3], true) end
for i = 2, #KEYS, 2 do
  local epoch, offset, tag = lookAt(KEYS[i], KEYS[i + 1], data, ARGV[i / 2 + 2], ttl, emptyTtl)
  local n = #tops
  tops[n + 1], tops[n + 2], tops[n + 3] = epoch, offset, tag
end
return tops
`;
