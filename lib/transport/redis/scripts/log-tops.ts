import { LOG_TOP } from './log-top.js';

/**
 * KEYS: of each log, itself and its meta. ARGV: the metas' ttl, then for each log the epoch that it gets if it has none.
 * Answers with epoch, offset and tag of each.
 */
export const LOG_TOPS = `${LOG_TOP}
local ttl, tops = ARGV[1], {}
for i = 1, #KEYS, 2 do
  local epoch, offset, tag = lookAt(KEYS[i], KEYS[i + 1], ARGV[(i + 3) / 2], ttl)
  local n = #tops
  tops[n + 1], tops[n + 2], tops[n + 3] = epoch, offset, tag
end
return tops
`;
