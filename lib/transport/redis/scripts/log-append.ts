import { LOG_TOP } from './log-top.js';
import { NOW_MS } from './now-ms.js';

/**
 * KEYS: the log, its meta, the message id's first result. Answers with epoch, offset, and whether the id was known.
 *
 * A script that fails is not rolled back: what may be refused (XADD) is the first that writes.
 */
export const LOG_APPEND = `${NOW_MS}${LOG_TOP}
local log, meta, once = KEYS[1], KEYS[2], KEYS[3]
local channel, publish, candidate, tag, size, ttl, metaTtl, onceTtl, bytes = unpack(ARGV)
local known = redis.call('GET', once)
if known then return {known:sub(1, 8), tonumber(known:sub(9)), 1} end
local epoch, top, previousTag = topOf(log, meta, candidate)
local offset = top + 1
if previousTag == '' then previousTag = ('\\0'):rep(8) end
local frame = struct.pack('>BBHc8I8I8c8c8', 1, 6, 0, epoch, offset, nowMs(), tag, previousTag) .. bytes
redis.call('XADD', log, 'MAXLEN', size, offset .. '-0', 'f', frame)
redis.call('HSET', meta, 'e', epoch, 's', offset, 't', tag)
redis.call('PEXPIRE', log, ttl)
keepAlive(meta, metaTtl)
redis.call('SET', once, epoch .. offset, 'PX', onceTtl)
redis.call(publish, channel, frame)
return {epoch, offset, 0}
`;
