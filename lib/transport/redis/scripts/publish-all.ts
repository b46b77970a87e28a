/**
 * Publishes messages. ARGV: of each its channel and its bytes. Answers with pairs of the index of a
 * message that Redis refused, and its words; with nothing where it refused none. Sent by its text,
 * which is short: a Redis that has forgotten it would refuse the hash of one pack, and carry out
 * those behind it.
 */
export const PUBLISH_ALL = `
local refused
for i = 1, #ARGV, 2 do
  local answer = redis.pcall('PUBLISH', ARGV[i], ARGV[i + 1])
  if type(answer) == 'table' then
    refused = refused or {}
    refused[#refused + 1] = (i - 1) / 2
    refused[#refused + 1] = answer.err
  end
end
return refused
`;
