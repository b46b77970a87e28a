/**
 * Makes a refused `pcall` the script's own answer: Redis's words, and the command that they are
 * about.
 */
export const REFUSAL = `
local function refusal(command, answer)
  if type(answer) == 'table' and answer.err then
    return {err = answer.err .. ' (' .. command .. ')'}
  end
end
`;
